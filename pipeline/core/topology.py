"""The typed reader of ``topology.json``: stages, queues, event patterns and the table.

Terraform reads the same file, so infrastructure and code cannot drift apart. Everything that has
a name in AWS gets it here, from one prefix.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Lane = Literal["live", "replay", "large", "large-replay", "dlq"]
UploadEvent = Literal["created", "replayed", "deleted"]

JANITOR = "janitor"
REPLAYS = "replays"
DEFAULT_PATH = Path(__file__).with_name("topology.json")
# Where a job goes on that outgrows the hosts of its lane: replays apart, so that however many of
# them are long, they delay no upload.
LARGER: dict[Lane, Lane] = {"live": "large", "replay": "large-replay"}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Guess(_Frozen):
    """What a stage is taken to need until runs of it have been recorded.

    Attributes:
        seconds_per_media_second: the real-time factor on CPUs.
        gpu_seconds_per_media_second: the same on a GPU; None for a stage that none helps.
        bytes_per_source_byte: size of its artifacts against that of the source.
        files_per_media_second: how many artifacts those are.
    """

    seconds_per_media_second: float = 1.0
    gpu_seconds_per_media_second: float | None = None
    bytes_per_source_byte: float = 0.1
    files_per_media_second: float = 0.0


class StageSpec(_Frozen):
    """One stage: the module that runs it, what it may use and what it is taken to need."""

    module: str
    timeout_s: int
    memory_mb: int
    gpu: bool = False
    guess: Guess = Guess()


class JanitorSpec(_Frozen):
    """The housekeeping function: what it may use and how often it runs."""

    timeout_s: int
    memory_mb: int
    every_s: int


class UploadsSpec(_Frozen):
    """Which uploads are ours: a key prefix and an EventBridge pattern per event.

    Attributes:
        prefix: of every key that the pipeline takes notice of.
        events: ``created`` now, ``replayed`` from an archive, ``deleted``.
    """

    prefix: str
    events: dict[UploadEvent, dict[str, Any]]


class ReprocessSpec(_Frozen):
    """The event of our own that asks for a stage to run again."""

    source: str
    detail_type: str


class ReplaysSpec(_Frozen):
    """The function that drives replays: the event that wakes it and what it may use."""

    source: str
    detail_type: str
    timeout_s: int
    memory_mb: int


class QueueSpec(_Frozen):
    """Delivery rules common to all queues."""

    max_receive_count: int
    visibility_per_timeout: int
    retention_s: int
    max_message_bytes: int


class LargeSpec(_Frozen):
    """Jobs that outgrow their stage's own deadline.

    Attributes:
        timeout_s: theirs: less than the 12 hours for which SQS keeps a message hidden at most.
    """

    timeout_s: int = Field(lt=12 * 3600)


class IndexSpec(_Frozen):
    """A global secondary index of keys alone; all of them are strings.

    It tells which items there are, soon after they were written; what they say now, they say
    themselves.
    """

    hash_key: str
    range_key: str


class TableSpec(_Frozen):
    """The one table; keys are strings."""

    hash_key: str
    range_key: str
    ttl: str
    indexes: dict[str, IndexSpec]


class Topology(_Frozen):
    """The whole house, as ``topology.json`` draws it."""

    uploads: UploadsSpec
    reprocess: ReprocessSpec
    replays: ReplaysSpec
    queues: QueueSpec
    large: LargeSpec
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

    def timeout_s(self, stage: str, *, large: bool) -> int:
        """Return how long a run of a stage may take, on hosts for large jobs or on others."""
        return self.large.timeout_s if large else self.stages[stage].timeout_s


class Names:
    """AWS names for one installation, all from its prefix (``videodrop`` by default)."""

    def __init__(self, prefix: str, topology: Topology) -> None:
        self.prefix = prefix
        self._topology = topology

    @cached_property
    def uploads_bucket(self) -> str:
        """Where videos are dropped."""
        return f"{self.prefix}-uploads"

    @cached_property
    def artifacts_bucket(self) -> str:
        """Where results go."""
        return f"{self.prefix}-artifacts"

    @property
    def table(self) -> str:
        """The DynamoDB table."""
        return self.prefix

    @property
    def bus(self) -> str:
        """The EventBridge bus for our own events."""
        return self.prefix

    @property
    def archive(self) -> str:
        """The EventBridge archive of the uploads' events."""
        return f"{self.prefix}-uploads"

    def archive_rule(self, stage: str) -> str:
        """The rule on the default bus by which the archive's events reach a stage's replay lane."""
        return f"{self.prefix}-{stage}-archive"

    def queue(self, function: str, lane: Lane = "live") -> str:
        """Queue of a stage, of ``janitor`` or of ``replays``; the live lane has no suffix."""
        return f"{self.prefix}-{function}" + ("" if lane == "live" else f"-{lane}")

    def lane(self, function: str, queue: str) -> Lane:
        """Which lane of a function ``queue`` is; any other queue passes for the live one."""
        lanes: tuple[Lane, ...] = get_args(Lane)
        return next((lane for lane in lanes if queue == self.queue(function, lane)), "live")

    def upload_pattern(self, event: UploadEvent, bucket: str) -> dict[str, Any]:
        """EventBridge pattern for uploads to ``bucket``."""
        raw = json.dumps(self._topology.uploads.events[event])
        return dict(json.loads(raw.replace("${uploads_bucket}", bucket)))

    def reprocess_pattern(self, stage: str) -> dict[str, Any]:
        """EventBridge pattern for requests to run ``stage`` again."""
        spec = self._topology.reprocess
        return {
            "source": [spec.source],
            "detail-type": [spec.detail_type],
            "detail": {"stage": [stage]},
        }

    def replays_pattern(self) -> dict[str, Any]:
        """EventBridge pattern for requests to start a replay, or to go on with one."""
        spec = self._topology.replays
        return {"source": [spec.source], "detail-type": [spec.detail_type]}
