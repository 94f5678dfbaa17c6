"""The record of a replay: its request, its plan and its progress.

One item of the table contains all of it, so each step of the driver is one conditional write: the
checkpoint, the counts and the open runs change together or not at all.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.records import Estimate
from pipeline.replays.request import ReplayRequest
from pipeline.results.comparison import Comparison

ReplayState = Literal["planning", "planned", "running", "paused", "finished", "cancelled", "failed"]
Desired = Literal["plan", "run", "pause", "cancel"]
Verdict = Literal[
    "run", "reuse", "current", "left_out", "in_progress", "not_selected", "hopeless", "blocked"
]
Ending = Literal["succeeded", "reused", "failed", "superseded", "lost"]

OVER: frozenset[ReplayState] = frozenset({"finished", "cancelled", "failed"})


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class StagePlan(_Record):
    """The plan of one stage over all selected videos.

    Attributes:
        verdicts: number of videos by verdict:
            ``run``: the stage would be computed;
            ``reuse``: a stored result would become current, nothing is computed;
            ``current``: the current result is up to date;
            ``left_out``: the uploader excluded the stage;
            ``in_progress``: it is running or pending;
            ``not_selected``: the request does not select it;
            ``hopeless``: the same run failed permanently; select by failure class to retry it;
            ``blocked``: it cannot be planned: an option is invalid, or a model is missing.
        because: the commonest reasons with their counts, e.g. ``{"confidence: 0.25 → 0.4": 200}``.
        estimate: of all that would run.
        measured: number of those that are estimated from recorded run times; others are guesses.
    """

    verdicts: dict[Verdict, int] = {}
    because: dict[str, int] = {}
    estimate: Estimate = Estimate()
    measured: int = 0


class Plan(_Record):
    """The plan of a replay.

    Attributes:
        videos: how many were examined and selected.
        stages: by stage, in topology order.
        prices: the price table's region and date.
        complete: True once all videos have been examined.
    """

    videos: int = 0
    stages: dict[str, StagePlan] = {}
    prices: str = ""
    complete: bool = False

    @property
    def runs(self) -> int:
        """Return the number of stage runs that would be requested."""
        return sum(
            stage.verdicts.get("run", 0) + stage.verdicts.get("reuse", 0)
            for stage in self.stages.values()
        )

    @property
    def estimate(self) -> Estimate:
        """Return the estimate of all stages together."""
        return sum((stage.estimate for stage in self.stages.values()), Estimate())


class StageProgress(_Record):
    """The progress of the runs of one stage.

    Attributes:
        asked: runs requested so far.
        ended: number of ended runs, by ending.
        spent: their recorded cost; zero for reused results.
    """

    asked: int = 0
    ended: dict[Ending, int] = {}
    spent: Estimate = Estimate()


class Open(_Record):
    """A requested run that has not ended.

    Attributes:
        revision: of its upload.
        fingerprint: of the result to make.
        asked_at: epoch seconds of the latest request; 0 while it is still to be requested.
        again: how often it was requested again because it seemed lost.
        usd: its estimated cost.
    """

    video_id: str
    stage: str
    revision: str
    fingerprint: str
    verdict: Literal["run", "reuse"]
    asked_at: float = 0.0
    again: int = 0
    usd: float = 0.0


class Replay(_Record):
    """One replay.

    Attributes:
        state: ``planning`` → ``planned`` (a dry run stays there until it is run) → ``running``
            ⇄ ``paused`` → ``finished``, or ``cancelled``, or ``failed``.
        reason: why it did not start, paused or failed, for a person.
        sampled: the random sample of videos drawn so far.
        drawn: True once the sample is complete.
        plan: the plan so far.
        progress: by stage.
        comparison: of a shadow run: the sum of all differences.
        cursor: place of the last video examined; the walk continues after it.
        walked: True once every video was examined in the present state.
        open: requested runs that have not ended; the driver's window limits their number.
        running_since: when it started or last resumed; runs that had ended by then are
            ``ended_before``.
        attempt: fencing token of the driver.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    replay_id: str
    created_at: datetime
    updated_at: datetime
    request: ReplayRequest
    state: ReplayState = "planning"
    reason: str | None = None
    desired_state: Desired = Field("run", alias="wish")  # its name in the table
    """The state that its owner last requested, which the driver brings about."""
    requests: int = Field(0, alias="wishes")
    """Number of the owner's requests."""
    sampled: list[str] | None = None
    drawn: bool = False
    plan: Plan = Plan()
    progress: dict[str, StageProgress] = {}
    comparison: Comparison | None = None
    cursor: str | None = None
    walked: bool = False
    open: list[Open] = Field(default=[])
    started_at: datetime | None = None
    finished_at: datetime | None = None
    running_since: datetime | None = None
    ended_before: int = 0
    attempt: int = 0

    @property
    def asked(self) -> int:
        """Return the number of runs requested so far."""
        return sum(stage.asked for stage in self.progress.values())

    @property
    def ended(self) -> int:
        """Return the number of runs that have ended, successful or not."""
        return sum(sum(stage.ended.values()) for stage in self.progress.values())

    @property
    def spent(self) -> Estimate:
        """Return the cost of all ended runs."""
        return sum((stage.spent for stage in self.progress.values()), Estimate())
