"""A day of an installation: its functions do all that they ever do, each under its own name.

The stages' own code is a toy's, since stages know nothing of AWS: whatever they compute, the same
runner fetches, publishes and records.
"""

import json
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from handlers import janitor, replays, stage
from pipeline import aws, bootstrap, events
from pipeline.api.app import create_app
from pipeline.cdn import CdnSettings
from pipeline.errors import DependencyFailed
from pipeline.replays.driver import Pace
from pipeline.replays.settlement import Settlement
from pipeline.settings import Settings
from pipeline.stage import Artifact, Report, Result, Source
from pipeline.topology import Lane as LaneName
from pipeline.topology import Names
from pipeline.worker.host import scheduled_event
from pipeline.worker.lane import Lane, Record
from tests import toystage
from tests.infra.conftest import CDN_KEY
from tests.infra.trail import Trail
from tests.integration.core.conftest import probe_anything, upload_of
from tests.integration.core.test_handlers import Context
from tests.signatures import key_pair
from tests.unit.api.fakes import Client

_HANDLERS = {"janitor": janitor.handler, "replays": replays.handler}
_TURNS = 8  # of the driver, at most, until a replay is over


def poller(function: str) -> str:
    """Who brings a function its messages where that is not Lambda."""
    return f"poller of {function}"


def _say(_source: Source, params: toystage.Params, work: Path, _report: Report) -> Result:
    """A result that has a label, and a file that the API shows and comparisons read."""
    (work / "said.json").write_text(json.dumps(params.text))
    said = Artifact(name="said.json", media_type="application/json", role="transcript_json")
    return Result(artifacts=[said], labels=[params.text])


def _fail(*_: Any) -> Result:
    raise DependencyFailed("away", "Something that the stage needs is away.")


def _die(*_: Any) -> Result:
    raise KeyboardInterrupt


def _queue(name: str) -> Lane:
    return Lane(aws.client("sqs"), name, visibility_s=60, wait_s=0)


class Day:
    """What happens to an installation.

    Args:
        trail: records who calls what.
        patch: sets what the functions find.
    """

    def __init__(self, trail: Trail, patch: pytest.MonkeyPatch) -> None:
        self._trail = trail
        self._patch = patch
        self._uploaded: dict[str, str] = {}
        self._api = Client(create_app())
        patch.setattr("pipeline.runner.probe", probe_anything)
        patch.setattr(toystage, "run", _say)
        # A turn of the driver is one step, and it misses at once what it has asked for.
        patch.setattr("pipeline.replays.driver.Pace", partial(Pace, turn_s=0))
        impatient = partial(Settlement, patience_s=0)
        patch.setattr("pipeline.replays.settlement.Settlement", impatient)

    def run(self) -> None:
        """All of it, whatever was before."""
        for url in aws.client("sqs").list_queues()["QueueUrls"]:
            self._lose_messages(url.rsplit("/", 1)[-1])
        self._process_uploads()
        self._lose_runs()
        self._look("first.mp4")
        self._sign("first.mp4")
        self._compute_again("first.mp4")
        self._compare("first.mp4")
        self._lose_requests()
        self._remove("first.mp4")
        assert len(self._deliver("janitor")) == 2

    # -- what happens ----------------------------------------------------------------------------

    def _process_uploads(self) -> None:
        """One upload by a second worker, since the first one stops, and two that need no work."""
        self._upload("first.mp4")
        for name in self._stages:
            self._stop_worker(name)
        self._upload("partly.mp4", {"videodrop-stages": self._stages[0]})
        self._upload("gone.mp4")
        self._remove("gone.mp4")
        for name in self._stages:
            self._invoke(name, {"warm_up": True})
            assert len(self._deliver(name)) == 3

    def _stop_worker(self, name: str) -> None:
        """A worker stops with a message in hand."""
        with pytest.MonkeyPatch.context() as patch, self._trail.of(poller(name)):
            patch.setattr(toystage, "run", _die)
            queue = _queue(self._names.queue(name))
            record = queue.receive()
            assert record is not None
            with pytest.raises(KeyboardInterrupt):
                self._invoke(name, {"Records": [record]})
            bootstrap.runner(name, self._settings).abandon(record["body"], "stopped", "Bye.")
            queue.give_back(record)
            assert not queue.is_empty()

    def _lose_runs(self) -> None:
        """Messages end among the dead letters; runs and a replay are not heard of any more."""
        self._upload("lost.mp4")
        for name in self._stages:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(toystage, "run", _fail)
                (letter,) = self._deliver(name)
            # As SQS does with what was received too often.
            _queue(self._names.queue(name)).delete(letter)
            sqs = aws.client("sqs")
            url = sqs.get_queue_url(QueueName=self._names.queue(name, "dlq"))["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=letter["body"])
        never = upload_of(letter["body"]).model_copy(update={"key": self._key("never.mp4")})
        bootstrap.catalog(self._settings).record_upload(never, patience_s=-1e6)
        planned = self._ask("POST", "/replays?wait=0", {"dry_run": True}, status=201)
        self._lose_messages(self._names.queue("replays"))
        aws.table(self._names.table).update_item(
            Key={"pk": "#replays", "sk": planned["replay_id"]},
            UpdateExpression="SET lease_until = :past",
            ExpressionAttributeValues={":past": "0000000001.000"},
        )
        tidied = self._invoke("janitor", scheduled_event("us-east-1"))
        assert tidied == {"ended": 2 * len(self._stages)}
        assert len(self._deliver("replays")) == 1

    def _look(self, name: str) -> None:
        for path in ("/health", "/videos", "/videos?label=hello", "/replays"):
            self._ask("GET", path)
        for path in ("", "/transcript", "/versions"):
            self._ask("GET", f"/videos/{self._id(name)}{path}")

    def _sign(self, name: str) -> None:
        """Addresses of files, where CloudFront is before them."""
        _, pem = key_pair()
        parameter = {"Name": CDN_KEY, "Type": "SecureString", "Value": pem}
        aws.client("ssm").put_parameter(**parameter, Overwrite=True)
        cdn = CdnSettings(domain="cdn.example.com", key_id="K1", key_parameter=CDN_KEY)
        behind = Client(create_app(settings=self._settings.model_copy(update={"cdn": cdn})))
        with self._trail.of("query"):
            assert behind.get(f"/videos/{self._id(name)}").is_success

    def _compute_again(self, name: str) -> None:
        """Results of another setting, back and forth, until the files of the first are gone."""
        versions = f"/videos/{self._id(name)}/versions"
        one, *_, other = self._stages
        self._replay({"label": "hello", "params": self._saying("other")})
        self._ask("GET", f"{versions}/diff?stage={one}")
        self._ask("POST", f"{versions}/{one}/rollback")
        new = self._version(name, one, current=False)
        self._ask("POST", f"{versions}/{one}/{new}/promote")
        for stage_name in self._stages:
            self._lose_files(name, self._version(name, stage_name, current=False))
        self._ask("GET", f"{versions}/diff?stage={other}", status=410)

    def _compare(self, name: str) -> None:
        """Shadow runs, of which none finds files and one loses what it is compared with."""
        current = self._version(name, self._stages[0], current=True)
        self._replay(
            {"prefix": self._key(name), "params": self._saying("hello"), "shadow": True},
            meanwhile=partial(self._lose_files, name, current),
        )

    def _lose_requests(self) -> None:
        """Requests of a replay are given back, then lost; it ends at its owner's word."""
        replay = self._ask("POST", "/replays?wait=0", {"failure_class": "lost"}, status=201)
        self._deliver("replays", most=2)
        for name in self._stages:
            with self._trail.of(poller(name)):
                queue = _queue(self._names.queue(name, "replay"))
                queue.give_back(next(iter(queue.receive, None)))
            self._lose_messages(self._names.queue(name, "replay"))
        self._deliver("replays", most=2)
        for verb in ("pause", "resume", "cancel"):
            self._ask("POST", f"{replay['links']['self']}/{verb}", status=202)
        self._deliver("replays")

    def _replay(self, request: dict[str, Any], meanwhile: Callable[[], None] = int) -> None:
        replay = self._ask("POST", "/replays?wait=0", request, status=201)
        for _ in range(_TURNS):
            self._deliver("replays", most=1)
            for name in self._stages:
                self._deliver(name, "replay")
            meanwhile()
            state = self._ask("GET", replay["links"]["self"])["state"]
            if state == "finished":
                return
        raise AssertionError(state)

    # -- who does it -----------------------------------------------------------------------------

    def _deliver(self, function: str, lane: LaneName = "live", *, most: int = 10) -> list[Record]:
        """Bring a function its messages as a worker does."""
        records = []
        with self._trail.of(poller(function)):
            queue = _queue(self._names.queue(function, lane))
            for record in islice(iter(queue.receive, None), most):
                answer = self._invoke(function, {"Records": [record]})
                if not answer["batchItemFailures"]:
                    queue.delete(record)
                records.append(record)
        return records

    def _invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        if function in self._stages:
            self._patch.setenv("VIDEODROP_STAGE", function)
            bootstrap.settings.cache_clear()
            stage._runner.cache_clear()
        with self._trail.of(function):
            return dict(_HANDLERS.get(function, stage.handler)(event, Context()))

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200
    ) -> Any:
        with self._trail.of("query"):
            answer = self._api.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    # -- what nobody of ours does ----------------------------------------------------------------

    def _upload(self, name: str, metadata: dict[str, str] | None = None) -> None:
        bucket = self._names.uploads_bucket
        put = aws.client("s3").put_object(
            Bucket=bucket, Key=self._key(name), Body=name.encode(), Metadata=metadata or {}
        )
        self._uploaded[name] = put["VersionId"]

    def _remove(self, name: str) -> None:
        """Delete an upload for good: moto cannot empty a bucket that has a delete marker."""
        bucket, version = self._names.uploads_bucket, self._uploaded[name]
        aws.client("s3").delete_object(Bucket=bucket, Key=self._key(name), VersionId=version)

    def _lose_files(self, name: str, fingerprint: str) -> None:
        s3, bucket = aws.client("s3"), self._names.artifacts_bucket
        prefix = f"artifacts/{self._id(name)}/"
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            if f"/{fingerprint}/" in found["Key"]:
                s3.delete_object(Bucket=bucket, Key=found["Key"])

    def _lose_messages(self, name: str) -> None:
        queue = _queue(name)
        for record in iter(queue.receive, None):
            queue.delete(record)

    # -- names -----------------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        return bootstrap.settings()

    @property
    def _names(self) -> Names:
        return self._settings.names

    @property
    def _stages(self) -> list[str]:
        return list(self._settings.topology.stages)

    def _key(self, name: str) -> str:
        return f"{self._settings.topology.uploads.prefix}{name}"

    def _id(self, name: str) -> str:
        return events.video_id(self._names.uploads_bucket, self._key(name))

    def _version(self, name: str, stage_name: str, *, current: bool) -> str:
        """The fingerprint of the stage's only version that is current, or is not."""
        found = self._ask("GET", f"/videos/{self._id(name)}/versions?stage={stage_name}")
        (one,) = (one for one in found["versions"] if one["current"] is current)
        return str(one["fingerprint"])

    def _saying(self, text: str) -> dict[str, dict[str, str]]:
        return {name: {"text": text} for name in self._stages}
