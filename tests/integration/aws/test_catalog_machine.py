"""The catalog beside a plain model: uploads, claims, ends and deletions in any order."""

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import BadInput, Busy, LeaseLost, Lost, Superseded
from pipeline.core.events import Deletion, Upload, parse
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from tests.conftest import make_table
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.rig import upload_of
from tests.integration.aws.test_runs import result

STAGE = "toy"
LEASES = st.sampled_from([3600.0, -10.0])  # one that lasts, and one that has expired
KEYS = (f"videos/{number}.mp4" for number in count())


ENDS = {
    "succeed": "succeeded",
    "fail": "failed",
    "supersede": "superseded",
    "release": "pending",
}


@dataclass(frozen=True)
class Run:
    """The run of the model.

    Attributes:
        number: of its upload.
        attempt: of its latest claim.
        state: of it.
        lives: True if its lease lasts.
        end: the last write that ended it.
    """

    number: int
    attempt: int
    state: str
    lives: bool = False
    end: str = ""


class Machine(RuleBasedStateMachine):
    """One key of the catalog, and what has to be true of it.

    The model is the latest upload or deletion by its number, the latest claim, and the result that
    readers see. Numbers of events may come in any order, as events do.
    """

    catalog: Catalog

    def __init__(self) -> None:
        super().__init__()
        self.key = next(KEYS)
        self.uploads: dict[int, Upload] = {}
        self.claims: list[StageRun] = []
        self.latest, self.deleted = -1, False
        self.run: Run | None = None
        self.seen: tuple[int, str] | None = None  # the upload and the fingerprint of the result

    def _upload(self, number: int) -> Upload:
        return upload_of(
            aws_events.created(self.key, sequencer=f"{number:018X}", etag=f"{number:032x}")
        )

    @rule(number=st.integers(0, 6))
    def upload(self, number: int) -> None:
        """Record an upload; an event of the latest may come again."""
        upload = self._upload(number)
        if number < self.latest or (number == self.latest and self.deleted):
            with pytest.raises(Superseded):
                self.catalog.record_upload(upload, patience_s=3600)
            return
        self.catalog.record_upload(upload, patience_s=3600)
        self.uploads[number] = upload
        self.latest, self.deleted = number, False
        if self.run and self.run.number < number:
            self.run = replace(self.run, number=number, state="pending", end="")

    @rule(number=st.integers(0, 6))
    def delete(self, number: int) -> None:
        """Record a deletion, which may come after a later upload."""
        event = parse(aws_events.deleted(self.key, sequencer=f"{number:018X}"))
        self.catalog.record_deletion(cast("Deletion", event))
        if number > self.latest:
            self.latest, self.deleted = number, True

    @precondition(lambda self: self.uploads and not self.deleted)
    @rule(data=st.data(), lease_s=LEASES)
    def claim(self, data: st.DataObject, lease_s: float) -> None:
        """Claim the run of an upload that was recorded."""
        number = data.draw(st.sampled_from(sorted(self.uploads)))
        upload, held = self.uploads[number], self.run
        claim = lambda: claim_run(  # noqa: E731
            self.catalog.runs, upload, STAGE, event_id="e", lease_s=lease_s
        )
        if held and held.number > number:
            with pytest.raises(Superseded):
                claim()
        elif held and held.number == number and held.state == "running" and held.lives:
            with pytest.raises(Busy):
                claim()
        else:
            run = claim()
            assert run.attempt > max((one.attempt for one in self.claims), default=0)
            self.claims.append(run)
            self.run = Run(number, run.attempt, "running", lives=lease_s > 0)

    @precondition(lambda self: self.run)
    @rule(
        data=st.data(),
        end=st.sampled_from([*ENDS, "heartbeat"]),
    )
    def write(self, data: st.DataObject, end: str) -> None:
        """Write as the holder of any claim that was ever made."""
        claimed = data.draw(st.sampled_from(self.claims))
        vid, runs = self._upload(0).video_id, self.catalog.runs
        made = result(claimed, f"f{claimed.attempt}-{len(self.claims)}")
        writes: dict[str, Any] = {
            "succeed": lambda: self.catalog.succeed(vid, claimed, made),
            "fail": lambda: runs.end(vid, claimed, "failed", BadInput("bad", "It is bad.")),
            "supersede": lambda: runs.end(vid, claimed, "superseded"),
            "release": lambda: runs.release(
                vid, claimed, Lost("stopped", "Again."), tries=1, patience_s=3600
            ),
            "heartbeat": lambda: runs.heartbeat(vid, claimed, progress=1, lease_s=3600),
        }
        held = self.run
        if (held.attempt, held.state) != (claimed.attempt, "running"):
            # An end whose answer was lost may be written again.
            again = (held.attempt, held.end) == (claimed.attempt, end)
            with suppress(LeaseLost) if again else pytest.raises(LeaseLost):
                writes[end]()
            return
        writes[end]()
        if end == "heartbeat":
            self.run = replace(held, lives=True)
            return
        self.run = replace(held, state=ENDS[end], end=end)
        if end == "succeed":
            self.seen = held.number, made.fingerprint

    @invariant()
    def readers_see_the_model(self) -> None:
        """Compare what readers see with the model."""
        video = self.catalog.video(self._upload(0).video_id)
        if not self.uploads:
            assert video is None or video.deleted_at
            return
        assert video
        assert bool(video.deleted_at) == self.deleted
        if self.deleted:
            return
        assert video.upload == self.uploads[self.latest]
        run, held = video.stages[STAGE], self.run
        state = held.state if held and held.number == self.latest else "pending"
        shown = self.seen[1] if self.seen and self.seen[0] == self.latest else None
        assert run.state == state
        assert (run.current_result.fingerprint if run.current_result else None) == shown


def check(catalog: Catalog, examples: int) -> None:
    """Run the machine; the same examples each time."""
    limits = settings(
        max_examples=examples,
        stateful_step_count=25,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("Of", (Machine,), {"catalog": catalog}), settings=limits)


def test_the_catalog_does_as_its_model_in_memory(toys: Settings):
    check(Catalog(MemoryTable(toys.topology, Faults()), toys.topology.stages), 100)


@pytest.mark.parametrize("of", ["moto", "dynalite", "ministack"])
def test_the_catalog_does_as_its_model(
    request: pytest.FixtureRequest, toys: Settings, monkeypatch: pytest.MonkeyPatch, of: str
):
    if of != "moto":
        endpoint = request.getfixturevalue(f"{of}_endpoint")
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    make_table(toys)
    check(bootstrap.catalog(toys), 10)
