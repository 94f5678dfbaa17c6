"""A runner of the stage ``toy``, its table and its buckets: real S3 and DynamoDB calls."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.table import Table
from pipeline.core import events
from pipeline.core.events import Upload
from pipeline.core.location import Location, size_of
from pipeline.core.media_info import Probe
from pipeline.core.records import StageResult, StageRun, Video
from pipeline.core.settings import Settings
from pipeline.core.stage import Report, Result, Source
from pipeline.core.topology import Topology
from pipeline.replays.store import Replays
from pipeline.runs.delivery import Delivery, Outcome
from pipeline.runs.janitor import Janitor
from pipeline.runs.runner import Runner
from tests.fakes import aws_events, toystage


@dataclass
class FakeStage:
    """A stage module whose every part a test can replace; counts its runs."""

    VERSION: str = "1"
    Params: type = toystage.Params
    run_: Callable[..., Result] = toystage.run
    identity_: Callable[[Any], dict[str, str]] = lambda _: {}
    runs: int = 0
    applies_: Callable[[Probe], bool] = lambda _: True
    warmed: list[Any] = field(default_factory=list)

    def run(self, source: Source, params: Any, work: Path, report: Report) -> Result:
        self.runs += 1
        return self.run_(source, params, work, report)

    def identity(self, params: Any) -> dict[str, str]:
        return self.identity_(params)

    def applies(self, probe: Probe) -> bool:
        return self.applies_(probe)

    def warm_up(self, params: Any) -> None:
        self.warmed.append(params)


@dataclass
class Rig:
    """A runner of the stage ``toy`` with access to all its parts."""

    config: Settings
    stage: FakeStage
    uploaded: int = 0

    @property
    def table(self) -> Table:
        return Table(aws.table(self.config.names.table))

    @property
    def catalog(self) -> Catalog:
        return bootstrap.catalog(self.config)

    @property
    def artifacts(self) -> Artifacts:
        return bootstrap.artifacts(self.config)

    def runner(self, **settings: Any) -> Runner:
        """Make another runner of the same stage, as if in another process."""
        config = self.config.model_copy(update=settings)
        return Runner(
            "toy",
            self.stage,
            catalog=self.catalog,
            artifacts=self.artifacts,
            settings=config,
        )

    def put(self, body: bytes | None = None, key: str = "videos/a.mp4", **metadata: str) -> str:
        """Upload an object, by default other bytes to each key; return AWS's event of it."""
        body = f"a video at {key}".encode() if body is None else body
        bucket = self.config.names.uploads_bucket
        put = aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
        self.uploaded += 1
        return aws_events.created(
            key,
            bucket=bucket,
            sequencer=f"{self.uploaded:018X}",
            etag=put["ETag"].strip('"'),
            size=len(body),
            event_id=f"event-{self.uploaded}",
            version_id=put.get("VersionId"),
        )

    def handle(self, body: str, *, seconds_left: float = 60, **settings: Any) -> Outcome:
        return self.runner(**settings).handle(body, Delivery(seconds_left))

    def reprocess(
        self, body: str, event_id: str = "again", *, reset: bool = False, **params: Any
    ) -> Outcome:
        """Request a run of the upload of ``body``, and run it."""
        vid = upload_of(body).video_id
        event = aws_events.reprocess(vid, "toy", params, event_id=event_id, reset=reset)
        return self.handle(event)

    def state(self, body: str) -> StageRun:
        """Return the stage run of the upload of ``body``."""
        run = self.catalog.runs.get(upload_of(body).video_id, "toy")
        assert run is not None
        return run

    def video(self, body: str) -> Video:
        video = self.catalog.video(upload_of(body).video_id)
        assert video is not None
        return video

    def stored(self) -> list[str]:
        """Return the keys of all artifacts."""
        bucket = self.config.names.artifacts_bucket
        found = aws.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        return [one["Key"] for one in found]

    def text(self, result: StageResult | None, name: str = "toy.txt") -> str:
        """Read a file of a result."""
        assert result is not None
        return self.artifacts.read(result.prefix + name).decode()

    def manifest(self, result: StageResult | None) -> dict[str, Any]:
        return dict(json.loads(self.text(result, "manifest.json")))

    def expire_lease(self, body: str) -> None:
        """Let the lease on a run expire."""
        self.table.update(
            upload_of(body).video_id,
            "stage#toy",
            set={"lease_until": "0000000001.000"},
            condition="#state = :running",
            given={"running": "running"},
        )


def janitor(catalog: Catalog, *, grace_s: float) -> Janitor:
    """Make a janitor with empty dead-letter queues and no replays."""
    spec = Topology.read().replays
    replays = Replays(catalog._table, aws.client("events"), bus="none", spec=spec)
    return Janitor(catalog, replays.wake_overdue, list, grace_s=grace_s)


def probe_anything(path: Location, _limits: Any) -> Probe:
    return Probe(container="mov", duration_s=1, size_bytes=size_of(path))


def upload_of(body: str) -> Upload:
    event = events.parse(body)
    assert isinstance(event, Upload)
    return event
