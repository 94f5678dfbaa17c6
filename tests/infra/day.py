"""A day of an installation: its functions do all that they ever do."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.errors import DependencyFailed
from pipeline.core.settings import CdnSettings
from pipeline.core.stage import Result
from pipeline.hosts.worker.host import scheduled_event
from tests.fakes import aws_events, toystage
from tests.fakes.query import Client
from tests.fakes.rig import upload_of
from tests.fakes.signatures import key_pair
from tests.infra.conftest import CDN_KEY
from tests.infra.installation import LONG, House

_TURNS = 8  # of the driver, at most, until a replay is over


def _fail(*_: Any) -> Result:
    raise DependencyFailed("away", "Something that the stage needs is away.")


class Day:
    """What happens to an installation."""

    def __init__(self, house: House) -> None:
        self._house = house

    def run(self) -> None:
        """All of it, whatever was before."""
        self._house.lose_all_messages()
        self._process_uploads()
        self._process_large_uploads()
        self._lose_runs()
        self._look("first.mp4")
        self._sign("first.mp4")
        self._compute_again("first.mp4")
        self._repeat_large_requests(LONG)
        self._compare("first.mp4")
        self._lose_requests()
        self._house.remove("first.mp4")
        assert len(self._house.deliver("janitor")) == 3

    def _process_uploads(self) -> None:
        """One upload by a second worker, since the first one stops, and two that need no work."""
        house = self._house
        house.upload("first.mp4")
        for name in house.stages:
            house.stop_worker(name)
        house.upload("partly.mp4", {"videodrop-stages": house.stages[0]})
        house.upload("gone.mp4")
        house.remove("gone.mp4")
        for name in house.stages:
            house.invoke(name, {"warm_up": True})
            assert len(house.deliver(name)) == 3

    def _process_large_uploads(self) -> None:
        """Functions send on what is too long for them; one upload is gone before its turn."""
        house = self._house
        wanted = {"videodrop-stages": ",".join(house.large)}
        house.upload(LONG, wanted)
        for name in house.stages:
            assert len(house.deliver(name)) == 1
        for name in house.large:
            house.stop_worker(name, "large")
        house.upload(f"gone-{LONG}", wanted)
        for name in house.stages:
            assert len(house.deliver(name)) == 1
        house.remove(f"gone-{LONG}")
        for name in house.large:
            assert len(house.deliver(name, "large")) == 2

    def _lose_runs(self) -> None:
        """Messages end among the dead letters; runs and a replay are not heard of any more."""
        house = self._house
        house.upload("lost.mp4")
        for name in house.stages:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(toystage, "run", _fail)
                (letter,) = house.deliver(name)
            # As SQS does with what was received too often.
            house.queue(name).delete(letter)
            house.send(name, "dlq", letter["body"])
        never = upload_of(letter["body"]).model_copy(update={"key": house.key("never.mp4")})
        bootstrap.catalog(house.settings).record_upload(never, patience_s=-1e6)
        planned = house.ask("POST", "/replays?wait=0", {"dry_run": True}, status=201)
        house.lose_messages("replays")
        aws.table(house.names.table).update_item(
            Key={"pk": "#replays", "sk": planned["replay_id"]},
            UpdateExpression="SET lease_until = :past",
            ExpressionAttributeValues={":past": "0000000001.000"},
        )
        tidied = house.invoke("janitor", scheduled_event("us-east-1"))
        assert tidied == {"ended": 2 * len(house.stages)}
        assert len(house.deliver("replays")) == 1

    def _look(self, name: str) -> None:
        for path in ("/health", "/videos", "/videos?label=hello", "/replays"):
            self._house.ask("GET", path)
        for path in ("", "/transcript", "/versions"):
            self._house.ask("GET", f"/videos/{self._house.id(name)}{path}")

    def _sign(self, name: str) -> None:
        """Addresses of files, where CloudFront is before them."""
        house, (_, pem) = self._house, key_pair()
        parameter = {"Name": CDN_KEY, "Type": "SecureString", "Value": pem}
        aws.client("ssm").put_parameter(**parameter, Overwrite=True)
        cdn = CdnSettings(domain="cdn.example.com", key_id="K1", key_parameter=CDN_KEY)
        behind = Client(create_app(settings=house.settings.model_copy(update={"cdn": cdn})))
        with house.trail.of("query"):
            assert behind.get(f"/videos/{house.id(name)}").is_success

    def _compute_again(self, name: str) -> None:
        """Results of another setting, back and forth, until the files of the first are gone."""
        house = self._house
        versions = f"/videos/{house.id(name)}/versions"
        one, *_, other = house.stages
        self._replay({"label": "hello", "params": self._saying("other")})
        house.ask("GET", f"{versions}/diff?stage={one}")
        house.ask("POST", f"{versions}/{one}/rollback")
        new = house.version(name, one, current=False)
        house.ask("POST", f"{versions}/{one}/{new}/promote")
        for stage_name in house.stages:
            house.lose_files(name, house.version(name, stage_name, current=False))
        house.ask("GET", f"{versions}/diff?stage={other}", status=410)

    def _repeat_large_requests(self, name: str) -> None:
        """Workers for large jobs find one result in store, and another one without its files."""
        house = self._house
        for stage_name in house.large:
            for text in ("hello", "other"):
                ask = partial(aws_events.reprocess, house.id(name), stage_name, {"text": text})
                house.send(stage_name, "large-replay", ask(event_id=f"{text} again"))
                house.give_back(stage_name, "large-replay")
                assert len(house.deliver(stage_name, "large-replay")) == 1
                house.lose_files(name, house.version(name, stage_name, current=False))

    def _compare(self, name: str) -> None:
        """Shadow runs, of which none finds files and one loses what it is compared with."""
        house = self._house
        current = house.version(name, house.stages[0], current=True)
        self._replay(
            {"prefix": house.key(name), "params": self._saying("hello"), "shadow": True},
            meanwhile=partial(house.lose_files, name, current),
        )

    def _lose_requests(self) -> None:
        """Requests of a replay are given back, then lost; it ends at its owner's word."""
        house = self._house
        replay = house.ask("POST", "/replays?wait=0", {"failure_class": "lost"}, status=201)
        house.deliver("replays", most=2)
        for name in house.stages:
            house.give_back(name, "replay")
            house.lose_messages(name, "replay")
        house.deliver("replays", most=2)
        for verb in ("pause", "resume", "cancel"):
            house.ask("POST", f"{replay['links']['self']}/{verb}", status=202)
        house.deliver("replays")

    def _replay(self, request: dict[str, Any], meanwhile: Callable[[], None] = int) -> None:
        house = self._house
        replay = house.ask("POST", "/replays?wait=0", request, status=201)
        for _ in range(_TURNS):
            house.deliver("replays", most=1)
            for name in house.stages:
                house.deliver(name, "replay")
            for name in house.large:
                house.deliver(name, "large-replay")
            meanwhile()
            state = house.ask("GET", replay["links"]["self"])["state"]
            if state == "finished":
                return
        raise AssertionError(state)

    def _saying(self, text: str) -> dict[str, dict[str, str]]:
        return {name: {"text": text} for name in self._house.stages}
