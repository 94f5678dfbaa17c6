"""What the catalog holds: one video, the state of each of its stages, and their results."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from pipeline.core.errors import FailureClass, VideodropError
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.stage import Artifact, Notice

StageState = Literal["pending", "running", "succeeded", "skipped", "failed", "superseded"]
ListedStatus = Literal["processing", "ready", "ready_with_warnings", "partial", "failed"]
"""By which videos can be selected: deleted ones are in no list."""
VideoStatus = Literal[ListedStatus, "deleted"]

# An item of DynamoDB's holds 400 KB, and an exception can say anything.
_LONGEST_MESSAGE = 4000

TERMINAL: frozenset[StageState] = frozenset({"succeeded", "skipped", "failed", "superseded"})


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Failure(_Record):
    """Why a stage run failed; ``code`` is for programs, ``message`` for people."""

    failure_class: FailureClass
    code: str
    message: str
    retryable: bool

    @classmethod
    def of(cls, error: VideodropError) -> "Failure":
        """The record of ``error``."""
        return cls(
            failure_class=error.failure_class,
            code=error.code,
            message=error.message[:_LONGEST_MESSAGE],
            retryable=error.retryable,
        )


class PublishedArtifact(Artifact):
    """An artifact in the bucket; ``bytes`` is its size."""

    bytes: int
    sha256: str


class Cost(_Record):
    """What a run took.

    Attributes:
        seconds: wall clock, from claim to publication.
        cpu_seconds: of the process and the tools it started.
        gpu_seconds: wall clock for which it held a GPU.
        media_seconds: length of the video.
        bytes_in: size of the source.
        bytes_out: size of all artifacts.
        files: how many artifacts those are.
    """

    seconds: float
    cpu_seconds: float
    gpu_seconds: float = 0.0
    media_seconds: float
    bytes_in: int
    bytes_out: int
    files: int = 0


class Estimate(_Record):
    """What runs are expected to take.

    Attributes:
        seconds: wall clock of one worker after the other.
        gpu_seconds: for which a GPU is held.
        bytes_out: of artifacts.
        usd: at the prices that the plan names.
    """

    seconds: float = 0.0
    gpu_seconds: float = 0.0
    bytes_out: int = 0
    usd: float = 0.0

    def __add__(self, other: "Estimate") -> "Estimate":
        return Estimate(
            seconds=self.seconds + other.seconds,
            gpu_seconds=self.gpu_seconds + other.gpu_seconds,
            bytes_out=self.bytes_out + other.bytes_out,
            usd=self.usd + other.usd,
        )


class StageResult(_Record):
    """An immutable result: where its files are, and the facts worth having without opening one.

    Attributes:
        version: of the stage's code.
        content_id: of the source; only results of the same content are versions of one another.
        prefix: S3 prefix of its files; ``manifest.json`` below it lists them all.
        artifacts: the files one asks for by role; roles with very many files (segments) are in
            the manifest only.
        large: a worker for large jobs made it.
        event_id: what asked for it.
    """

    stage: str
    version: str
    fingerprint: str
    content_id: str
    revision: str
    attempt: int
    prefix: str
    params: dict[str, JsonValue]
    identity: dict[str, str]
    artifacts: list[PublishedArtifact]
    summary: dict[str, JsonValue]
    warnings: list[Notice]
    labels: list[str]
    cost: Cost
    large: bool = False
    queued_at: datetime | None
    started_at: datetime
    finished_at: datetime
    event_id: str | None = None


class StageRun(_Record):
    """The state of one stage for the current revision of a video.

    Attributes:
        attempt: the fencing token: raised by every claim and promotion, never lowered.
        tries: claims since the last terminal state, this one included.
        lease_until: epoch seconds; in ``pending`` and ``running`` the moment after which nobody
            can be expected to work on it any more.
        progress: 0 to 100.
        result: the current result, which a later run's failure leaves in place.
        result_revision: the revision that ``result`` answers for.
        history: fingerprints of what was current before, the latest last: the way back.
        tried: fingerprint that the latest claim was after; what failed, if it failed.
        large: the latest claim was by a lane for large jobs.
        receipt: names the delivery that made the latest claim, where that is known.
    """

    stage: str
    state: StageState
    revision: str
    sequencer: str
    attempt: int = 0
    tries: int = 0
    progress: float = 0.0
    lease_until: float | None = None
    event_id: str | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: Failure | None = None
    result: StageResult | None = None
    result_revision: str | None = None
    history: list[str] = []
    tried: str | None = None
    large: bool = False
    receipt: str | None = None

    @property
    def current_result(self) -> StageResult | None:
        """The result, if it is of the revision that this run is about."""
        return self.result if self.result_revision == self.revision else None


class Video(_Record):
    """One video: its latest upload, and what became of it.

    Attributes:
        metadata: the upload's own, which holds its options; None until a stage has read it.
    """

    video_id: str
    upload: Upload
    metadata: dict[str, str] | None = None
    probe: Probe | None = None
    deleted_at: datetime | None = None
    stages: dict[str, StageRun]

    @property
    def revision(self) -> str:
        """Of the latest upload."""
        return self.upload.revision

    @property
    def status(self) -> VideoStatus:
        """Derived from the stages; never stored."""
        if self.deleted_at:
            return "deleted"
        runs = self.stages.values()
        states = {run.state for run in runs}
        # Superseded: the source was replaced before it was read; the later upload's event is due.
        if states & {"pending", "running", "superseded"}:
            return "processing"
        if "failed" in states:
            kept = any(run.current_result for run in runs)
            return "partial" if kept else "failed"
        if any(run.current_result and run.current_result.warnings for run in runs):
            return "ready_with_warnings"
        return "ready"

    @property
    def playable(self) -> bool:
        """Whether something can be played already."""
        return any(
            artifact.role in {"hls_master", "mp4"}
            for run in self.stages.values()
            if run.current_result
            for artifact in run.current_result.artifacts
        )

    @property
    def labels(self) -> list[str]:
        """Words by which the video can be found, in lower case and alphabetical order."""
        results = [run.current_result for run in self.stages.values()]
        return sorted({label.lower() for result in results if result for label in result.labels})
