"""A day of an installation: every operation of its functions."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.request import Request, urlopen

import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.errors import DependencyFailed
from pipeline.core.setting_types import CdnSettings
from pipeline.core.stage import Result
from pipeline.core.topology import Lane
from pipeline.hosts.worker.schedule import scheduled_event
from tests.fakes import aws_events, toystage
from tests.fakes.query import Client
from tests.fakes.rig import upload_of
from tests.fakes.signatures import key_pair
from tests.infra.conftest import CDN_KEY
from tests.infra.installation import Installation
from tests.infra.ranges import BROKEN, divided

FILM = "film.mp4"

_TURNS = 8  # of the driver, at most, until a replay is over


def _fail(*_: Any) -> Result:
    raise DependencyFailed("away", "A dependency of the stage is missing.")


class Day:
    """The operations of a day."""

    def __init__(self, installed: Installation) -> None:
        self._installed = installed

    def run(self) -> None:
        """Run all of them, from any state."""
        self._receive_uploads()
        self._installed.lose_all_messages()
        self._process_uploads()
        self._lose_runs()
        with divided():
            self._share_runs()
            self._lose_a_range()
        self._look("first.mp4")
        self._sign("first.mp4")
        self._compute_again("first.mp4")
        self._compare("first.mp4")
        self._lose_requests()
        self._act("again.mp4")
        self._installed.remove("first.mp4")
        assert len(self._installed.deliver("janitor")) >= 2
        self._tell()
        self._poison()

    def _receive_uploads(self) -> None:
        """Receive a file in parts, the same bytes before their event has come, and half of one."""
        ask, file = self._installed.ask, {"name": "sent.mp4", "size": 4}
        new = ask("POST", "/uploads", file, status=201)
        with urlopen(Request(new["parts"][0]["url"], b"film", method="PUT")):  # noqa: S310 - moto
            pass
        done = ask("POST", new["links"]["complete"])
        md5 = hashlib.md5(b"film", usedforsecurity=False).hexdigest()
        assert ask("POST", "/uploads", file | {"etag": md5}, status=201)["already_there"]
        half = ask("POST", "/uploads", file, status=201)
        ask("DELETE", half["links"]["self"], status=204)
        self._installed.remove_key(done["key"])

    def _process_uploads(self) -> None:
        """Process one upload by a second worker after the first one stops, and two without work.

        The first one's bytes come again under another name.
        """
        installed = self._installed
        installed.upload("first.mp4")
        for name in installed.stages:
            installed.stop_worker(name)
        installed.upload("first.srt")
        installed.upload("partly.mp4", {"videodrop-stages": installed.stages[0]})
        installed.upload("gone.mp4")
        installed.remove("gone.mp4")
        for name in installed.stages:
            installed.invoke(name, {"warm_up": True})
            assert len(installed.deliver(name)) == 4
        installed.upload("again.mp4", content="first.mp4")
        for name in installed.stages:
            assert len(installed.deliver(name)) == 1

    def _lose_runs(self) -> None:
        """Lose messages to the dead-letter queue, runs and a replay."""
        installed = self._installed
        installed.upload("lost.mp4")
        for name in installed.stages:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(toystage, "run", _fail)
                (message,) = installed.deliver(name)
            # As SQS does after too many receives.
            installed.queue(name).delete(message)
            installed.send(name, "dlq", message["body"])
        never = upload_of(message["body"]).model_copy(update={"key": installed.key("never.mp4")})
        bootstrap.catalog(installed.settings).record_upload(never, patience_s=-1e6)
        planned = installed.ask("POST", "/replays?wait=0", {"dry_run": True}, status=201)
        installed.lose_messages("replays")
        aws.table(installed.names.table).update_item(
            Key={"pk": "#replays", "sk": planned["replay_id"]},
            UpdateExpression="SET lease_until = :past",
            ExpressionAttributeValues={":past": "0000000001.000"},
        )
        tidied = installed.invoke("janitor", scheduled_event("us-east-1"))
        assert tidied == {"ended": 2 * len(installed.stages)}
        assert len(installed.deliver("replays")) == 1

    def _share_runs(self) -> None:
        """Share runs of each lane among workers: one continues after a stall, another one fails."""
        installed = self._installed
        installed.upload(FILM)
        lanes: tuple[Lane, ...] = ("live", "replay")
        for lane in lanes:
            for name in installed.stages:
                if lane != "live":  # the upload's own event came by that one
                    self._request(name, lane, lane)
                self._stall(name, lane)
            assert installed.invoke("janitor", scheduled_event("us-east-1")) == {"ended": 0}
            for name in installed.stages:
                # The janitor's request, two ranges, and the merge.
                assert len(installed.deliver(name, lane)) == 4
                assert installed.stage_run(FILM, name).state == "succeeded"
                if lane == "replay":  # its receiver is that of the other lane
                    continue
                self._request(name, lane, f"{BROKEN} {lane}")
                # The event, two ranges, and the merge.
                assert len(installed.deliver(name, lane)) == 4
                assert installed.stage_run(FILM, name).state == "failed"
        assert set(installed.files(FILM)) == {"said.json", "joined.bin", "manifest.json"}

    def _lose_a_range(self) -> None:
        """Lose a request of a range to the dead-letter queue."""
        installed = self._installed
        name = installed.stages[0]
        self._request(name, "live", "undeliverable")
        installed.deliver(name, most=1)
        assert "parts/plan.json" in installed.files(FILM)
        queue = installed.queue(name)
        lost = queue.receive()
        assert lost is not None
        queue.delete(lost)
        installed.send(name, "dlq", lost["body"])
        assert installed.invoke("janitor", scheduled_event("us-east-1")) == {"ended": 1}
        # The other range, and the request to delete what the run has left.
        assert len(installed.deliver(name)) == 2
        assert "parts/plan.json" not in installed.files(FILM)

    def _request(self, name: str, lane: Lane, text: str) -> None:
        """Request a run of the film."""
        body = aws_events.reprocess(
            self._installed.id(FILM), name, {"text": text}, event_id=f"{text}, by {name}"
        )
        self._installed.send(name, lane, body)

    def _stall(self, name: str, lane: Lane) -> None:
        """Begin a run, and lose the requests of its ranges."""
        installed = self._installed
        assert len(installed.deliver(name, lane, most=1)) == 1
        installed.lose_messages(name, lane)
        installed.expire_lease(FILM, name)

    def _tell(self) -> None:
        """Log events, and deliver them to a webhook that cannot be reached."""
        installed = self._installed
        made = installed.ask("POST", "/webhooks", {"url": "https://localhost/"}, status=201)
        webhook = f"/webhooks/{made['webhook_id']}"
        installed.upload("told.mp4")
        installed.ask("POST", f"{webhook}/test", status=202)
        while installed.deliver("events"):
            pass
        assert installed.deliver("events", "webhooks", most=2)
        newest = installed.ask("GET", f"{webhook}/deliveries")["deliveries"][0]
        again = f"{webhook}/deliveries/{newest['delivery_id']}/redeliver"
        installed.ask("POST", again, status=202)
        installed.ask("DELETE", webhook, status=204)

    def _poison(self) -> None:
        """Receive messages that nobody can handle."""
        lanes: tuple[tuple[str, Lane], ...] = (
            ("events", "live"),
            ("events", "webhooks"),
            ("janitor", "live"),
        )
        for function, lane in lanes:
            self._installed.lose_messages(function, lane)
            self._installed.send(function, lane, "poison")
            assert len(self._installed.deliver(function, lane)) == 1

    def _look(self, name: str) -> None:
        for path in ("/health", "/videos", "/videos?label=hello", "/replays"):
            self._installed.ask("GET", path)
        video = f"/videos/{self._installed.id(name)}"
        for path in ("", "/transcript", "/versions"):
            self._installed.ask("GET", f"{video}{path}")
        # The content of an upload is its name, which has no cue.
        self._installed.ask("GET", f"{video}/captions/first.srt", status=422)

    def _sign(self, name: str) -> None:
        """Sign URLs of files for CloudFront."""
        installed, (_, pem) = self._installed, key_pair()
        parameter = {"Name": CDN_KEY, "Type": "SecureString", "Value": pem}
        aws.client("ssm").put_parameter(**parameter, Overwrite=True)
        cdn = CdnSettings(domain="cdn.example.com", key_id="K1", key_parameter=CDN_KEY)
        behind = Client(create_app(settings=installed.settings.model_copy(update={"cdn": cdn})))
        with installed.trail.of("query"):
            assert behind.get(f"/videos/{installed.id(name)}").is_success

    def _compute_again(self, name: str) -> None:
        """Compute results of another setting and back, until the first files are deleted."""
        installed = self._installed
        versions = f"/videos/{installed.id(name)}/versions"
        one, *_, other = installed.stages
        self._replay({"label": "hello", "params": self._saying("other")})
        installed.ask("GET", f"{versions}/diff?stage={one}")
        installed.ask("POST", f"{versions}/{one}/rollback")
        new = installed.version(name, one, current=False)
        installed.ask("POST", f"{versions}/{one}/{new}/promote")
        for stage_name in installed.stages:
            installed.lose_files(name, installed.version(name, stage_name, current=False))
        installed.ask("GET", f"{versions}/diff?stage={other}", status=410)

    def _compare(self, name: str) -> None:
        """Run shadow runs without files, and one without the result to compare with."""
        installed = self._installed
        current = installed.version(name, installed.stages[0], current=True)
        self._replay(
            {"prefix": installed.key(name), "params": self._saying("hello"), "shadow": True},
            meanwhile=partial(installed.lose_files, name, current),
        )

    def _lose_requests(self) -> None:
        """Release and lose the requests of a replay, and cancel it."""
        installed = self._installed
        replay = installed.ask("POST", "/replays?wait=0", {"failure_class": "lost"}, status=201)
        installed.deliver("replays", most=2)
        for name in installed.stages:
            installed.give_back(name, "replay")
            installed.lose_messages(name, "replay")
        installed.deliver("replays", most=2)
        for verb in ("pause", "resume", "cancel"):
            installed.ask("POST", f"{replay['links']['self']}/{verb}", status=202)
        installed.deliver("replays")

    def _act(self, name: str) -> None:
        """Download a video's original, delete it with its captions, and undo that."""
        installed = self._installed
        installed.upload("again.srt")
        for stage_name in installed.stages:
            installed.deliver(stage_name)
        installed.ask("GET", "/jobs")
        video = f"/videos/{installed.id(name)}"
        with urlopen(installed.ask("GET", video)["original_url"]):  # noqa: S310 - moto
            pass
        done = installed.ask("DELETE", video)
        assert done["files"]
        installed.ask("POST", done["links"]["restore"], status=202)
        for stage_name in installed.stages:
            installed.lose_messages(stage_name)
        for one in (name, "again.srt"):
            installed.remove_key(installed.key(one))

    def _replay(self, request: dict[str, Any], meanwhile: Callable[[], None] = int) -> None:
        installed = self._installed
        replay = installed.ask("POST", "/replays?wait=0", request, status=201)
        for _ in range(_TURNS):
            installed.deliver("replays", most=1)
            for name in installed.stages:
                installed.deliver(name, "replay")
            meanwhile()
            state = installed.ask("GET", replay["links"]["self"])["state"]
            if state == "finished":
                return
        raise AssertionError(state)

    def _saying(self, text: str) -> dict[str, dict[str, str]]:
        return {name: {"text": text} for name in self._installed.stages}
