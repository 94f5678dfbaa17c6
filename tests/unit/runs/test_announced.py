"""The events of ends of runs: at least one each, after the end is visible, with the same id."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.aws.announce import Announcer
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import BadInput, DependencyFailed, NotAnnounced
from pipeline.results.versions import Versions
from pipeline.runs.delivery import Outcome, Retry
from tests.fakes import aws_events
from tests.fakes.installation import House, event_of, fail
from tests.fakes.memory import Faults, Killed
from tests.unit.replays.conftest import house

__all__ = ["house"]


class Told:
    """The events that a catalog's processes have sent; each sending may be the last act of one."""

    def __init__(self, catalog: Catalog, faults: Faults) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.down = False
        self._faults = faults
        catalog.announcer = Announcer(self._put, "bus")

    def _put(self, entries: list[dict[str, Any]]) -> None:
        if self.down:
            raise DependencyFailed("event_refused", "The bus is down.")
        new = [(entry["DetailType"], json.loads(entry["Detail"])) for entry in entries]
        self._faults.call(lambda: self.sent.extend(new))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.sent]

    @property
    def ids(self) -> set[str]:
        return {detail["id"] for _, detail in self.sent}


@pytest.fixture
def told(house: House) -> Told:
    return Told(house.catalog, house.faults)


def test_a_result_is_told_once_and_again_with_a_copy_of_its_message(house: House, told: Told):
    body = house.upload("a.mp4")
    assert house.run("toy", body) is Outcome.SUCCEEDED
    ((kind, detail),) = told.sent
    assert kind == "Stage Succeeded"
    run = house.state(event_of(body).video_id)
    assert run.current_result
    assert (detail["attempt"], detail["fingerprint"]) == (1, run.current_result.fingerprint)
    assert detail["event_id"] == event_of(body).event_id
    assert house.run("toy", body) is Outcome.CURRENT
    assert len(told.sent) == 2
    assert len(told.ids) == 1


def test_a_failed_and_a_skipped_run_are_told(house: House, told: Told):
    house.toy.run_ = fail(BadInput("no_frames", "It has no frames."))
    body = house.upload("a.mp4", options={"stages": "toy"})
    house.run("toy", body)
    house.run("twin", body)
    assert told.kinds == ["Stage Failed", "Stage Skipped"]
    assert told.sent[0][1]["error"]["code"] == "no_frames"


def test_a_run_that_is_given_back_is_not_told(house: House, told: Told):
    house.toy.run_ = fail(DependencyFailed("away", "It is away."))
    with pytest.raises(Retry):
        house.run("toy", house.upload("a.mp4"))
    assert told.sent == []


def test_a_message_comes_again_while_the_bus_is_down(house: House, told: Told):
    told.down, body = True, house.upload("a.mp4")
    for _ in range(2):
        with pytest.raises(Retry):
            house.run("toy", body)
    told.down = False
    assert house.run("toy", body, receives=3) is Outcome.CURRENT
    assert told.kinds == ["Stage Succeeded"]
    assert len(house.toy.seen) == 1, "the run is not repeated"


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [None, BadInput("bad", "It is bad.")], ids=["result", "failure"])
def test_a_run_killed_at_any_call_is_told_with_one_id_an_end(
    house: House,
    error: Exception | None,
    late: bool,  # noqa: FBT001 - a parameter of the test
):
    nth = 0
    while True:
        nth += 1
        again = House(house.config)
        told = Told(again.catalog, again.faults)
        if error:
            again.toy.run_ = fail(error)
        body = again.upload("a.mp4")
        again.faults.arm("worker", nth, late=late)
        again.faults.who = "worker"
        try:
            again.run("toy", body)
        except Killed:
            again.faults.who, video_id = None, event_of(body).video_id
            if again.table.items.get((video_id, "stage#toy"), {}).get("state") == "running":
                again.free_lease(video_id, "toy")
            again.run("toy", body, receives=2)
            survived = False
        else:
            survived = True
        run = again.state(event_of(body).video_id)
        assert told.kinds[-1] == ("Stage Failed" if error else "Stage Succeeded"), nth
        assert [one["attempt"] for _, one in told.sent][-1] == run.attempt, nth
        assert len(told.ids) == 1, nth
        if survived:
            break
    assert nth > 6


def test_a_shadow_run_is_not_told_until_it_is_promoted(house: House, told: Told):
    body = house.upload("a.mp4")
    house.run("toy", body)
    video_id = event_of(body).video_id
    house.replay(videos=[video_id], params={"toy": {"text": "other"}}, shadow=True)
    assert told.kinds == ["Stage Succeeded"]
    (shadow,) = [
        one for one in house.catalog.results.all(video_id) if one.params["text"] == "other"
    ]
    Versions(house.catalog, house.artifacts).promote(video_id, "toy", shadow.fingerprint)
    assert told.kinds == ["Stage Succeeded"] * 2
    assert told.sent[-1][1]["fingerprint"] == shadow.fingerprint
    assert len(told.ids) == 2


def promoted(house: House) -> Callable[[], object]:
    video_id = house.process("a.mp4", stages=("toy",))
    house.replay(videos=[video_id], params={"toy": {"text": "other"}})
    return lambda: Versions(house.catalog, house.artifacts).rollback(video_id, "toy")


def lost(house: House) -> Callable[[], object]:
    body = house.upload("a.mp4")
    house.toy.run_ = fail(Killed())
    with pytest.raises(Killed):
        house.run("toy", body)
    house.free_lease(event_of(body).video_id, "toy")
    return lambda: house.janitor().tidy()


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("begun", [promoted, lost])
def test_the_janitor_tells_what_a_process_that_was_killed_has_not(
    house: House,
    begun: Callable[[House], Callable[[], object]],
    late: bool,  # noqa: FBT001 - a parameter of the test
):
    nth = 0
    while True:
        nth += 1
        again = House(house.config)
        act = begun(again)
        told = Told(again.catalog, again.faults)
        (before,) = [run for _, run in again.catalog.runs.many(_all(again)).items()]
        again.faults.arm("victim", nth, late=late)
        again.faults.who = "victim"
        try:
            act()
        except Killed:
            survived = False
        else:
            survived = True
        again.faults.who = None
        again.janitor().tidy()
        (run,) = [run for _, run in again.catalog.runs.many(_all(again)).items()]
        if (run.state, run.attempt) != (before.state, before.attempt):
            assert len(told.ids) == 1, nth
            again.janitor().tidy()
            assert len(told.sent) <= 2, "it is told once more at most"
        if survived:
            break
    assert told.ids
    assert nth > 3


def _all(house: House) -> list[tuple[str, str]]:
    return [(pk, "toy") for pk, sk in house.table.items if sk == "stage#toy"]


def test_a_deletion_is_told_until_the_bus_takes_it(house: House, told: Told):
    house.process("a.mp4", stages=())
    body = aws_events.deleted(
        "videos/a.mp4", bucket=house.config.names.uploads_bucket, sequencer="F" * 18
    )
    house.run("toy", house.upload("b.mp4"))
    house.run("toy", house.upload("a.mp4"))
    told.sent.clear()
    told.down = True
    with pytest.raises(NotAnnounced):
        house.janitor().handle(body)
    told.down = False
    for _ in range(2):
        house.janitor().handle(body)
    assert told.kinds == ["Video Deleted"]
    assert told.sent[0][1]["name"] == "a.mp4"


def test_the_deletion_of_what_was_never_a_video_is_not_told(house: House, told: Told):
    bucket = house.config.names.uploads_bucket
    for key in ("videos/never.mp4", "videos/a.srt"):
        house.janitor().handle(aws_events.deleted(key, bucket=bucket))
    assert told.sent == []
