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

from handlers import events as events_handler
from handlers import janitor, replays, stage
from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.aws.messages import queue_url, receipt
from pipeline.core import events
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import Artifact, Report, Result, Source
from pipeline.core.topology import Lane as LaneName
from pipeline.core.topology import Names
from pipeline.hosts.worker.lane import Lane, Record
from pipeline.replays.driver import Pace
from pipeline.replays.settlement import Settlement
from tests.fakes import toystage
from tests.fakes.query import Client
from tests.fakes.rig import probe_anything
from tests.infra.trail import Trail
from tests.integration.runs.test_handlers import Context

_HANDLERS = {
    "events": events_handler.handler,
    "janitor": janitor.handler,
    "replays": replays.handler,
}


def poller(function: str) -> str:
    """Return the name of a function's poller on other hosts than Lambda."""
    return f"poller of {function}"


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
        patch.setattr("pipeline.runs.execute.probe", probe_anything)
        patch.setattr(toystage, "run", _say)
        # A turn of the driver is one step, and its requests count as lost at once.
        patch.setattr("pipeline.replays.driver.Pace", partial(Pace, turn_s=0))
        impatient = partial(Settlement, patience_s=0)
        patch.setattr("pipeline.replays.settlement.Settlement", impatient)

    # -- callers ---------------------------------------------------------------------------------

    def deliver(self, function: str, lane: LaneName = "live", *, most: int = 10) -> list[Record]:
        """Deliver messages to a function as a worker does."""
        records = []
        with self.trail.of(poller(function)):
            queue = self.queue(function, lane)
            for record in islice(iter(queue.receive, None), most):
                answer = self.invoke(function, {"Records": [record]})
                if not answer["batchItemFailures"]:
                    queue.delete(record)
                records.append(record)
        return records

    def give_back(self, function: str, lane: LaneName) -> None:
        """Stop a worker before it starts with a message."""
        with self.trail.of(poller(function)):
            queue = self.queue(function, lane)
            queue.give_back(next(iter(queue.receive, None)))

    def stop_worker(self, name: str) -> None:
        """Stop a worker in the middle of a run."""
        with pytest.MonkeyPatch.context() as patch, self.trail.of(poller(name)):
            patch.setattr(toystage, "run", _die)
            queue = self.queue(name)
            record = queue.receive()
            assert record is not None
            with pytest.raises(KeyboardInterrupt):
                self.invoke(name, {"Records": [record]})
            bootstrap.runner(name, self.settings).abandon(
                record["body"], "stopped", "Bye.", receipt=receipt(record)
            )
            queue.give_back(record)
            assert not queue.is_empty()

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Call a function under its own name."""
        if function in self.stages:
            self._patch.setenv("VIDEODROP_STAGE", function)
            bootstrap.settings.cache_clear()
            stage._runner.cache_clear()
        queue_url.cache_clear()  # each function is a process of its own
        with self.trail.of(function):
            return dict(_HANDLERS.get(function, stage.handler)(event, Context()))

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200
    ) -> Any:
        """Return the API's answer."""
        with self.trail.of("query"):
            answer = self._api.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    # -- others ----------------------------------------------------------------------------------

    def upload(
        self, name: str, metadata: dict[str, str] | None = None, *, content: str | None = None
    ) -> None:
        """Drop a video, whose content is its name by default."""
        bucket, body = self.names.uploads_bucket, (content or name).encode()
        put = aws.client("s3").put_object(
            Bucket=bucket, Key=self.key(name), Body=body, Metadata=metadata or {}
        )
        self._uploaded[name] = put["VersionId"]

    def remove(self, name: str) -> None:
        """Delete all versions of an upload: moto cannot empty a bucket with a delete marker."""
        bucket, version = self.names.uploads_bucket, self._uploaded[name]
        aws.client("s3").delete_object(Bucket=bucket, Key=self.key(name), VersionId=version)

    def remove_key(self, key: str) -> None:
        """Delete all versions of an object, and its delete markers."""
        s3, bucket = aws.client("s3"), self.names.uploads_bucket
        found = s3.list_object_versions(Bucket=bucket, Prefix=key)
        for one in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
            s3.delete_object(Bucket=bucket, Key=key, VersionId=one["VersionId"])

    def lose_files(self, name: str, fingerprint: str) -> None:
        """Delete the files of a result."""
        s3, bucket = aws.client("s3"), self.names.artifacts_bucket
        prefix = f"artifacts/{self.id(name)}/"
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            if f"/{fingerprint}/" in found["Key"]:
                s3.delete_object(Bucket=bucket, Key=found["Key"])

    def files(self, name: str) -> list[str]:
        """Return the names of all files of an upload's results, below their prefixes."""
        prefix = f"artifacts/{self.id(name)}/"
        found = aws.client("s3").list_objects_v2(Bucket=self.names.artifacts_bucket, Prefix=prefix)
        return [one["Key"].split("/", 6)[-1] for one in found.get("Contents", [])]

    def expire_lease(self, name: str, stage_name: str) -> None:
        """Let the lease on a run expire."""
        aws.table(self.names.table).update_item(
            Key={"pk": self.id(name), "sk": f"stage#{stage_name}"},
            UpdateExpression="SET lease_until = :past",
            ExpressionAttributeValues={":past": "0000000001.000"},
        )

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

    def queue(self, function: str, lane: LaneName = "live") -> Lane:
        return _queue(self.names.queue(function, lane))

    def key(self, name: str) -> str:
        return f"{self.settings.topology.uploads.prefix}{name}"

    def id(self, name: str) -> str:
        return events.video_id(self.names.uploads_bucket, self.key(name))

    def stage_run(self, name: str, stage_name: str) -> StageRun:
        """Return the latest run of a stage."""
        run = bootstrap.catalog(self.settings).runs.get(self.id(name), stage_name)
        assert run is not None
        return run

    def version(self, name: str, stage_name: str, *, current: bool) -> str:
        """Return the fingerprint of the stage's only version that is current, or is not."""
        found = self.ask("GET", f"/videos/{self.id(name)}/versions?stage={stage_name}")
        (one,) = (one for one in found["versions"] if one["current"] is current)
        return str(one["fingerprint"])
