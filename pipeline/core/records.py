"""The records of the catalog: a video, the state of each of its stages, and their results."""

import json
from datetime import datetime
from typing import cast

from pydantic import BaseModel, ConfigDict, JsonValue

from pipeline.core import languages
from pipeline.core.errors import FailureClass, VideodropError
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.stage import Artifact, Notice
from pipeline.core.status import StageState, VideoStatus, status_of
from pipeline.core.upload_options import PASSTHROUGH, PREFIX

# A DynamoDB item is limited to 400 KB, and an exception's message has no limit.
_LONGEST_MESSAGE = 4000
_RANGES = 95.0  # percent: the rest is the merge


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Failure(_Record):
    """The reason why a stage run failed; ``code`` is for programs, ``message`` for people."""

    failure_class: FailureClass
    code: str
    message: str
    retryable: bool

    @classmethod
    def of(cls, error: VideodropError) -> "Failure":
        """Return the record of ``error``."""
        return cls(
            failure_class=error.failure_class,
            code=error.code,
            message=error.message[:_LONGEST_MESSAGE],
            retryable=error.retryable,
        )


class PublishedArtifact(Artifact):
    """An artifact in the bucket.

    Attributes:
        bytes: its size.
        sha256: of its content; None for a file that was joined within S3.
    """

    bytes: int
    sha256: str | None


class Cost(_Record):
    """The resources that a run used.

    Attributes:
        seconds: wall-clock time from claim to publication.
        cpu_seconds: CPU time of the process and of its child processes.
        gpu_seconds: wall-clock time for which it held a GPU.
        media_seconds: duration of the video.
        bytes_in: bytes of the source that were read.
        bytes_out: size of all artifacts.
        files: number of artifacts.
    """

    seconds: float
    cpu_seconds: float
    gpu_seconds: float = 0.0
    media_seconds: float
    bytes_in: int
    bytes_out: int
    files: int = 0


class Estimate(_Record):
    """The resources that runs are expected to use.

    Attributes:
        seconds: wall-clock time, summed over all runs.
        gpu_seconds: time for which a GPU is held.
        bytes_out: size of the artifacts.
        usd: cost at the prices that the plan names.
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
    """An immutable result: the location of its files, and a summary.

    Attributes:
        version: version of the stage's code.
        content_id: of the source; only results of equal content are versions of one another.
        prefix: S3 prefix of its files; ``manifest.json`` below it lists them all.
        artifacts: files that are looked up by role; segments are in the manifest only.
        probe: probe of the source, for later uploads of the same content.
        copied_from: prefix of the result of another upload that its files are copies of.
        taken_by: the latest promotion that took it up again; empty if none did.
        event_id: the event that requested it.
        given: parameters that replays have set for it; later replays keep them.
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
    probe: Probe | None = None
    copied_from: str | None = None
    taken_by: str = ""
    queued_at: datetime | None
    started_at: datetime
    finished_at: datetime
    event_id: str | None = None
    given: dict[str, JsonValue] = {}

    @property
    def warned(self) -> bool:
        """Return True if a notice is a warning; infos do not count."""
        return any(notice.level == "warning" for notice in self.warnings)


class Spread(_Record):
    """The division of a run into ranges that several workers do.

    Attributes:
        total: number of ranges, the merge not counted.
        fingerprint: of the result to make.
        queue: the queue that its messages go to.
        params: parameters of the event that requested the run.
    """

    total: int
    fingerprint: str
    queue: str
    params: dict[str, JsonValue] = {}


class StageRun(_Record):
    """The state of one stage for the current revision of a video.

    Attributes:
        attempt: the fencing token: raised by every claim and promotion, never lowered.
        tries: claims since the last terminal state, this one included.
        lease_until: epoch seconds; in ``pending`` and ``running``, the end of the lease. After it
            the run counts as lost.
        deadline: epoch seconds at which the host of the latest claim ends the run.
        progress: 0 to 100.
        result: the current result; a failure of a later run leaves it in place.
        result_revision: the revision that ``result`` was made from.
        history: fingerprints of earlier current results, the latest last, for rollback.
        tried: fingerprint of the latest claim's run; of the failed run, if it failed.
        receipt: receipt of the delivery that made the latest claim, where known.
        spread: set while several workers do the run's ranges.
        ended: tags of the ranges that have ended.
        rounds: how often it was helped on, by the janitor or by a worker of another version, since
            a range last ended.
        first_finished_at: when it first succeeded or was skipped, once it runs again.
    """

    stage: str
    state: StageState
    revision: str
    sequencer: str
    attempt: int = 0
    tries: int = 0
    progress: float = 0.0
    lease_until: float | None = None
    deadline: float | None = None
    event_id: str | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: Failure | None = None
    result: StageResult | None = None
    result_revision: str | None = None
    history: list[str] = []
    tried: str | None = None
    receipt: str | None = None
    spread: Spread | None = None
    ended: frozenset[str] = frozenset()
    rounds: int = 0
    first_finished_at: datetime | None = None

    @property
    def unrecorded(self) -> bool:
        """Return True if the run waits for its first claim, and no row of it was written."""
        return self.state == "pending" and self.lease_until is None

    @property
    def percent(self) -> float:
        """Return the progress, which ended ranges move while the work is spread."""
        if self.spread is None:
            return self.progress
        return _RANGES * min(1.0, len(self.ended) / self.spread.total)

    @property
    def current_result(self) -> StageResult | None:
        """Return the result if it was made from the current revision, else None."""
        return self.result if self.result_revision == self.revision else None

    @property
    def given(self) -> dict[str, JsonValue]:
        """Return the parameters that replays have set for the current result."""
        return self.current_result.given if self.current_result else {}

    @property
    def stands(self) -> bool:
        """Return True if the latest run failed, and the result of an earlier one stands."""
        return self.state == "failed" and self.current_result is not None

    @property
    def first_finish(self) -> datetime | None:
        """Return when the stage first succeeded or was skipped, of runs that have ended by now."""
        ended = self.finished_at if self.state in {"succeeded", "skipped"} else None
        return self.first_finished_at or ended


class Video(_Record):
    """One video: its latest upload and the state of its stages.

    Attributes:
        metadata: the upload's user metadata, which holds its options; None until a stage has read
            it.
    """

    video_id: str
    upload: Upload
    metadata: dict[str, str] | None = None
    probe: Probe | None = None
    deleted_at: datetime | None = None
    stages: dict[str, StageRun]

    @property
    def revision(self) -> str:
        """Return the revision of the latest upload."""
        return self.upload.revision

    @property
    def status(self) -> VideoStatus:
        """Return the status, which is derived from the stages and never stored."""
        runs = [(run.state, run.current_result) for run in self.stages.values()]
        outcomes = [(state, made is not None, bool(made and made.warned)) for state, made in runs]
        return status_of(outcomes, deleted=self.deleted_at is not None)

    @property
    def passthrough(self) -> JsonValue:
        """Return what the uploader gave along; a client of S3 may give any text."""
        text = (self.metadata or {}).get(PREFIX + PASSTHROUGH, "null")
        try:
            return cast("JsonValue", json.loads(text))
        except (ValueError, RecursionError):
            return text

    @property
    def playable(self) -> bool:
        """Return whether any playable artifact exists."""
        return any(
            artifact.role in {"hls_master", "mp4", "m4a"}
            for run in self.stages.values()
            if run.current_result
            for artifact in run.current_result.artifacts
        )

    @property
    def labels(self) -> list[str]:
        """Return the search labels of the video, in lower case and alphabetical order."""
        results = [run.current_result for run in self.stages.values()]
        return sorted({label.lower() for result in results if result for label in result.labels})

    @property
    def languages(self) -> set[str]:
        """Return the codes of the languages that its results are in."""
        results = [run.current_result for run in self.stages.values()]
        found = [result.summary.get("language") for result in results if result]
        return {code for one in found if isinstance(one, str) and (code := languages.code(one))}
