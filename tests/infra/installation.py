"""An installation at work, with a name for each caller.

Toys replace the stages' code, since stages do not use AWS: the runner fetches, publishes and
records any result in the same way.
"""

import json
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from handlers import janitor, replays, stage
from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.aws.messages import receipt
from pipeline.core import events
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings
from pipeline.core.stage import Artifact, Report, Result, Source
from pipeline.core.topology import LARGER, Names
from pipeline.core.topology import Lane as LaneName
from pipeline.hosts.worker.lane import Lane, Record
from pipeline.replays.driver import Pace
from pipeline.replays.settlement import Settlement
from tests.fakes import toystage
from tests.fakes.query import Client
from tests.fakes.rig import probe_anything
from tests.infra.trail import Trail
from tests.integration.runs.test_handlers import Context

LONG = "long.mp4"  # suffix of the names of long videos

_HANDLERS = {"janitor": janitor.handler, "replays": replays.handler}


def poller(function: str) -> str:
    """Return the name of a function's poller on other hosts than Lambda."""
    return f"poller of {function}"


def large(name: str) -> str:
    """Return the name of the worker for a stage's large jobs."""
    return f"large {name}"


def _probe(path: Path, limits: Any) -> Probe:
    """Return a short probe, or a long one if the upload's content, its name, has the suffix."""
    length = 1e6 if path.read_text().endswith(LONG) else 1
    return probe_anything(path, limits).model_copy(update={"duration_s": length})


def _say(_source: Source, params: toystage.Params, work: Path, _report: Report) -> Result:
    """Write a result with a label, and a file that the API shows and comparisons read."""
    (work / "said.json").write_text(json.dumps(params.text))
    said = Artifact(name="said.json", media_type="application/json", role="transcript_json")
    return Result(artifacts=[said], labels=[params.text])


def _die(*_: Any) -> Result:
    raise KeyboardInterrupt


def _queue(name: str) -> Lane:
    return Lane(aws.client("sqs"), name, visibility_s=60, wait_s=0)


def _empty(name: str) -> None:
    queue = _queue(name)
    for record in iter(queue.receive, None):
        queue.delete(record)


def _host(function: str, lane: LaneName) -> str:
    """Return the name of the receiver of a lane's messages."""
    return large(function) if lane in LARGER.values() else function


class Installation:
    """An installation.

    Args:
        trail: the record of calls by caller.
        patch: sets the functions' environment.
    """

    def __init__(self, trail: Trail, patch: pytest.MonkeyPatch) -> None:
        self.trail = trail
        self._patch = patch
        self._uploaded: dict[str, str] = {}
        self._api = Client(create_app())
        patch.setattr("pipeline.runs.execute.probe", _probe)
        patch.setattr(toystage, "run", _say)
        # A turn of the driver is one step, and its requests count as lost at once.
        patch.setattr("pipeline.replays.driver.Pace", partial(Pace, turn_s=0))
        impatient = partial(Settlement, patience_s=0)
        patch.setattr("pipeline.replays.settlement.Settlement", impatient)

    # -- callers ---------------------------------------------------------------------------------

    def deliver(self, function: str, lane: LaneName = "live", *, most: int = 10) -> list[Record]:
        """Deliver messages to a function as a worker does."""
        records, who = [], _host(function, lane)
        with self.trail.of(poller(who)):
            queue = self.queue(function, lane)
            for record in islice(iter(queue.receive, None), most):
                answer = self.invoke(function, {"Records": [record]}, who)
                if not answer["batchItemFailures"]:
                    queue.delete(record)
                records.append(record)
        return records

    def give_back(self, function: str, lane: LaneName) -> None:
        """Stop a worker before it starts with a message."""
        with self.trail.of(poller(_host(function, lane))):
            queue = self.queue(function, lane)
            queue.give_back(next(iter(queue.receive, None)))

    def stop_worker(self, name: str, lane: LaneName = "live") -> None:
        """Stop a worker in the middle of a run."""
        who = _host(name, lane)
        with pytest.MonkeyPatch.context() as patch, self.trail.of(poller(who)):
            patch.setattr(toystage, "run", _die)
            queue = self.queue(name, lane)
            record = queue.receive()
            assert record is not None
            with pytest.raises(KeyboardInterrupt):
                self.invoke(name, {"Records": [record]}, who)
            bootstrap.runner(name, self.settings).abandon(
                record["body"], "stopped", "Bye.", receipt=receipt(record)
            )
            queue.give_back(record)
            assert not queue.is_empty()

    def invoke(
        self, function: str, event: dict[str, Any], who: str | None = None
    ) -> dict[str, Any]:
        """Call a function, under its own name or its host's."""
        if function in self.stages:
            self._patch.setenv("VIDEODROP_STAGE", function)
            bootstrap.settings.cache_clear()
            stage._runner.cache_clear()
        with self.trail.of(who or function):
            return dict(_HANDLERS.get(function, stage.handler)(event, Context()))

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200
    ) -> Any:
        """Return the API's answer."""
        with self.trail.of("query"):
            answer = self._api.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    # -- others ----------------------------------------------------------------------------------

    def upload(self, name: str, metadata: dict[str, str] | None = None) -> None:
        """Drop a video."""
        bucket = self.names.uploads_bucket
        put = aws.client("s3").put_object(
            Bucket=bucket, Key=self.key(name), Body=name.encode(), Metadata=metadata or {}
        )
        self._uploaded[name] = put["VersionId"]

    def remove(self, name: str) -> None:
        """Delete all versions of an upload: moto cannot empty a bucket with a delete marker."""
        bucket, version = self.names.uploads_bucket, self._uploaded[name]
        aws.client("s3").delete_object(Bucket=bucket, Key=self.key(name), VersionId=version)

    def lose_files(self, name: str, fingerprint: str) -> None:
        """Delete the files of a result."""
        s3, bucket = aws.client("s3"), self.names.artifacts_bucket
        prefix = f"artifacts/{self.id(name)}/"
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            if f"/{fingerprint}/" in found["Key"]:
                s3.delete_object(Bucket=bucket, Key=found["Key"])

    def send(self, function: str, lane: LaneName, body: str) -> None:
        """Send a message, as SQS and `videodrop redrive` do."""
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName=self.names.queue(function, lane))["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body)

    def lose_messages(self, function: str, lane: LaneName = "live") -> None:
        """Delete the messages of a lane."""
        _empty(self.names.queue(function, lane))

    def lose_all_messages(self) -> None:
        """Delete the messages of all queues."""
        for url in aws.client("sqs").list_queues()["QueueUrls"]:
            _empty(url.rsplit("/", 1)[-1])

    # -- names -----------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        return bootstrap.settings()

    @property
    def names(self) -> Names:
        return self.settings.names

    @property
    def stages(self) -> list[str]:
        return list(self.settings.topology.stages)

    @property
    def large(self) -> list[str]:
        """Return the stages that have lanes for large jobs."""
        return sorted(self.settings.large)

    def queue(self, function: str, lane: LaneName = "live") -> Lane:
        return _queue(self.names.queue(function, lane))

    def key(self, name: str) -> str:
        return f"{self.settings.topology.uploads.prefix}{name}"

    def id(self, name: str) -> str:
        return events.video_id(self.names.uploads_bucket, self.key(name))

    def version(self, name: str, stage_name: str, *, current: bool) -> str:
        """Return the fingerprint of the stage's only version that is current, or is not."""
        found = self.ask("GET", f"/videos/{self.id(name)}/versions?stage={stage_name}")
        (one,) = (one for one in found["versions"] if one["current"] is current)
        return str(one["fingerprint"])
