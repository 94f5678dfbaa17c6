"""A replay as it is recorded: what was asked, what is planned, how far it is.

One item of the table holds all of it, so that each step of the driver is one conditional write:
the checkpoint, the counts and the runs that are out either all move or none does.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.records import Estimate
from pipeline.replays.request import ReplayRequest
from pipeline.results.comparison import Comparison

ReplayState = Literal["planning", "planned", "running", "paused", "finished", "cancelled", "failed"]
Wish = Literal["plan", "run", "pause", "cancel"]
Verdict = Literal[
    "run", "reuse", "current", "left_out", "in_progress", "not_selected", "hopeless", "blocked"
]
Ending = Literal["succeeded", "reused", "failed", "superseded", "lost"]

OVER: frozenset[ReplayState] = frozenset({"finished", "cancelled", "failed"})


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class StagePlan(_Record):
    """What would become of one stage over all selected videos.

    Attributes:
        verdicts: how many videos, by what would become of them:
            ``run``: it would be computed;
            ``reuse``: a stored result would become current, nothing is computed;
            ``current``: the current result is already the one;
            ``left_out``: the uploader did not want the stage;
            ``in_progress``: it is being worked on at this moment, or waits for it;
            ``not_selected``: not among those asked for;
            ``hopeless``: the same failed for good before; ask by failure class to try again;
            ``blocked``: it cannot be planned: an option is wrong, or a model is missing.
        because: why, and how often, e.g. ``{"confidence: 0.25 → 0.4": 200}``; the commonest.
        estimate: of all that would run.
        measured: how many of those it rests on recorded run times for; the rest are guesses.
    """

    verdicts: dict[Verdict, int] = {}
    because: dict[str, int] = {}
    estimate: Estimate = Estimate()
    measured: int = 0


class Plan(_Record):
    """What a replay would do.

    Attributes:
        videos: how many were looked at and selected.
        stages: by stage, in topology order.
        prices: the price table's region and date.
        complete: whether all of it has been looked at.
    """

    videos: int = 0
    stages: dict[str, StagePlan] = {}
    prices: str = ""
    complete: bool = False

    @property
    def runs(self) -> int:
        """Stage runs that would be asked for."""
        return sum(
            stage.verdicts.get("run", 0) + stage.verdicts.get("reuse", 0)
            for stage in self.stages.values()
        )

    @property
    def estimate(self) -> Estimate:
        """Of all stages together."""
        return sum((stage.estimate for stage in self.stages.values()), Estimate())


class StageProgress(_Record):
    """How far the runs of one stage are.

    Attributes:
        asked: runs asked for so far.
        ended: how those that have ended did.
        spent: what they took, as recorded; nothing for reused results.
    """

    asked: int = 0
    ended: dict[Ending, int] = {}
    spent: Estimate = Estimate()


class Open(_Record):
    """A run that was asked for and has not ended.

    Attributes:
        revision: of the upload it is about.
        fingerprint: of the result it shall have.
        asked_at: when it was last asked for, in epoch seconds; 0 while that is still to be done.
        again: how often it was asked for again because nothing was heard of it.
        usd: what it is expected to cost.
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
        state: ``planning`` → ``planned`` (a dry run stays there until told to run) → ``running``
            ⇄ ``paused`` → ``finished``, or ``cancelled``, or ``failed``.
        reason: why it did not start, paused or failed, for a person.
        wish: what its owner last asked for; the driver follows.
        wishes: how often its owner has asked for something.
        sampled: the videos drawn by lot so far.
        drawn: whether all lots are drawn.
        plan: as far as it goes.
        progress: by stage.
        comparison: of a shadow run: all differences added up.
        cursor: place of the last video that was looked at; the walk goes on after it.
        walked: whether every video was looked at in the present state.
        open: what has been asked for and not ended; bounded by the driver's window.
        running_since: when it started or last went on; what had ended by then is
            ``ended_before``.
        attempt: fencing token of the driver.
    """

    replay_id: str
    created_at: datetime
    updated_at: datetime
    request: ReplayRequest
    state: ReplayState = "planning"
    reason: str | None = None
    wish: Wish = "run"
    wishes: int = 0
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
        """Runs asked for so far."""
        return sum(stage.asked for stage in self.progress.values())

    @property
    def ended(self) -> int:
        """Runs that have ended, however they did."""
        return sum(sum(stage.ended.values()) for stage in self.progress.values())

    @property
    def spent(self) -> Estimate:
        """What all ended runs took."""
        return sum((stage.spent for stage in self.progress.values()), Estimate())
