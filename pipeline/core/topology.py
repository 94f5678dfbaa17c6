"""The typed reader of ``topology.json``: stages, queues, event patterns and the table.

Terraform reads the same file, so infrastructure and code cannot diverge. All names in AWS are
made here, from one prefix.
"""

import json
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pipeline.core.errors import InvalidSettings

Lane = Literal["live", "replay", "webhooks", "dlq"]
UploadEvent = Literal["created", "replayed", "deleted"]

JANITOR = "janitor"
REPLAYS = "replays"
EVENTS = "events"
DEFAULT_PATH = Path(__file__).with_name("topology.json")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Guess(_Frozen):
    """The assumed resources of a stage: for estimates until runs of it have been recorded.

    Workers compare the size of the artifacts with their disk before a run.

    Attributes:
        seconds_per_media_second: the real-time factor on CPUs.
        gpu_seconds_per_media_second: the same on a GPU; None for a stage that does not use one.
        bytes_per_source_byte: size of its artifacts relative to the source.
        files_per_media_second: number of artifacts per second of media.
    """

    seconds_per_media_second: float = 1.0
    gpu_seconds_per_media_second: float | None = None
    bytes_per_source_byte: float = 0.1
    files_per_media_second: float = 0.0


class StageSpec(_Frozen):
    """One stage: its module, its limits and its assumed resources.

    Attributes:
        timeout_s: the timeout of its Lambda function. Workers have ``Settings.worker_timeout_s``.
    """

    module: str
    timeout_s: int
    memory_mb: int
    gpu: bool = False
    guess: Guess = Guess()


class JanitorSpec(_Frozen):
    """The janitor function: its limits and its interval."""

    timeout_s: int
    memory_mb: int
    every_s: int


class UploadsSpec(_Frozen):
    """The uploads to process: a key prefix, and an EventBridge pattern per event.

    Attributes:
        prefix: key prefix of the uploads.
        events: ``created`` now, ``replayed`` from an archive, ``deleted``.
    """

    prefix: str
    events: dict[UploadEvent, dict[str, Any]]


class ReprocessSpec(_Frozen):
    """The event that requests another run of a stage."""

    source: str
    detail_type: str


class ReplaysSpec(_Frozen):
    """The function that drives replays: its trigger event and its limits."""

    source: str
    detail_type: str
    timeout_s: int
    memory_mb: int


class EventsSpec(_Frozen):
    """The function that logs and delivers our events: the events, and its limits."""

    source: str
    detail_types: list[str]
    timeout_s: int
    memory_mb: int


class QueueSpec(_Frozen):
    """Delivery rules common to all queues."""

    max_receive_count: int
    visibility_per_timeout: int
    retention_s: int
    max_message_bytes: int


class IndexSpec(_Frozen):
    """A global secondary index of keys alone, all of them strings.

    It is eventually consistent. Current attributes are read from the items themselves.
    """

    hash_key: str
    range_key: str


class TableSpec(_Frozen):
    """The DynamoDB table; its keys are strings."""

    hash_key: str
    range_key: str
    ttl: str
    indexes: dict[str, IndexSpec]


class Topology(_Frozen):
    """The complete topology, as ``topology.json`` describes it."""

    uploads: UploadsSpec
    reprocess: ReprocessSpec
    replays: ReplaysSpec
    events: EventsSpec
    queues: QueueSpec
    stages: dict[str, StageSpec]
    janitor: JanitorSpec
    table: TableSpec

    @classmethod
    def read(cls, path: Path = DEFAULT_PATH) -> "Topology":
        """Read and check a topology file.

        Raises:
            pydantic.ValidationError: it names an unknown field or lacks one.
        """
        return cls.model_validate_json(path.read_bytes())

    def only(self, stages: Collection[str]) -> "Topology":
        """Return the topology with these stages alone, in its own order.

        Raises:
            InvalidSettings: ``bad_settings``: it has no such stage, or none is left.
        """
        unknown = [stage for stage in stages if stage not in self.stages]
        if unknown or not stages:
            raise InvalidSettings(
                "bad_settings",
                f"VIDEODROP_STAGES names {', '.join(unknown) or 'no stage'}; the topology has "
                f"{', '.join(self.stages)}.",
            )
        kept = {stage: spec for stage, spec in self.stages.items() if stage in stages}
        return self.model_copy(update={"stages": kept})


class Names:
    """AWS names for one installation, all from its prefix (``videodrop`` by default)."""

    def __init__(self, prefix: str, topology: Topology) -> None:
        self.prefix = prefix
        self._topology = topology

    @cached_property
    def uploads_bucket(self) -> str:
        """Return the bucket of uploaded videos."""
        return f"{self.prefix}-uploads"

    @cached_property
    def artifacts_bucket(self) -> str:
        """Return the bucket of results."""
        return f"{self.prefix}-artifacts"

    @property
    def table(self) -> str:
        """Return the name of the DynamoDB table."""
        return self.prefix

    @property
    def bus(self) -> str:
        """Return the EventBridge bus of our own events."""
        return self.prefix

    @property
    def archive(self) -> str:
        """Return the EventBridge archive of upload events."""
        return f"{self.prefix}-uploads"

    def archive_rule(self, stage: str) -> str:
        """Return the default bus's rule that sends archived events to a stage's replay lane."""
        return f"{self.prefix}-{stage}-archive"

    def queue(self, function: str, lane: Lane = "live") -> str:
        """Return the queue of a function and a lane; the live lane has no suffix."""
        return f"{self.prefix}-{function}" + ("" if lane == "live" else f"-{lane}")

    def upload_pattern(self, event: UploadEvent, bucket: str) -> dict[str, Any]:
        """Return the EventBridge pattern of uploads to ``bucket``."""
        raw = json.dumps(self._topology.uploads.events[event])
        return dict(json.loads(raw.replace("${uploads_bucket}", bucket)))

    def reprocess_pattern(self, stage: str) -> dict[str, Any]:
        """Return the EventBridge pattern of requests to run ``stage`` again."""
        spec = self._topology.reprocess
        return {
            "source": [spec.source],
            "detail-type": [spec.detail_type],
            "detail": {"stage": [stage]},
        }

    def replays_pattern(self) -> dict[str, Any]:
        """Return the EventBridge pattern of requests to start or continue a replay."""
        spec = self._topology.replays
        return {"source": [spec.source], "detail-type": [spec.detail_type]}

    def events_pattern(self) -> dict[str, Any]:
        """Return the EventBridge pattern of the events that we send."""
        spec = self._topology.events
        return {"source": [spec.source], "detail-type": spec.detail_types}

    @property
    def uploads_rule(self) -> str:
        """Return the default bus's rule that sends events of uploads to the queue of events."""
        return f"{self.prefix}-events-uploads"
