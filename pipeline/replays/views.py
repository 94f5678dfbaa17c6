"""What people see of a replay: its record turned into a response model. Pure: no AWS, no clock.

The API serves it as JSON and the command line prints it, so both show the same plan.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.records import Estimate
from pipeline.replays.records import (
    Ending,
    Replay,
    ReplayState,
    StagePlan,
    StageProgress,
    Verdict,
    Wish,
)
from pipeline.replays.request import ReplayRequest
from pipeline.results.comparison import Comparison

POSSIBLE: dict[ReplayState, list[Wish]] = {
    "planning": ["cancel"],
    "planned": ["run", "cancel"],
    "running": ["pause", "cancel"],
    "paused": ["run", "cancel"],
}
"""What can be asked of a replay, by its state; nothing once it is over."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StagePlanView(_View):
    """What would become of one stage over all selected videos, in numbers of videos."""

    stage: str
    run: int = Field(description="It would be computed")
    reuse: int = Field(description="A stored result would become current: nothing is computed")
    current: int = Field(description="The current result is already the one")
    left_out: int = Field(description="The uploader did not want the stage")
    in_progress: int = Field(description="It is being worked on at this moment, or waits for it")
    not_selected: int = Field(description="Not among the stages or results asked for")
    hopeless: int = Field(
        description="The same failed for good before; select by `failure_class` to try it again"
    )
    blocked: int = Field(description="It cannot be planned: see `because`")
    because: dict[str, int] = Field(
        description="Why, and for how many; the commonest reasons",
        examples=[{"confidence: 0.25 → 0.4": 200}],
    )
    estimate: Estimate = Field(description="Of all that would run")
    measured: int = Field(
        description="For how many of those the estimate rests on recorded run times; for the rest "
        "it is a guess"
    )


class PlanView(_View):
    """What the replay would do, or does."""

    complete: bool = Field(description="Whether all videos have been looked at")
    videos: int = Field(description="Looked at and selected")
    runs: int = Field(description="Stage runs to ask for, reused results among them")
    estimate: Estimate = Field(description="Of all stages together")
    prices: str = Field(description="Region and date of the price table behind `usd`")
    stages: list[StagePlanView]


class StageProgressView(_View):
    """How far the runs of one stage, or of all together, are."""

    asked: int = Field(description="Runs asked for so far")
    succeeded: int
    reused: int = Field(description="A stored result became current")
    failed: int
    superseded: int = Field(description="A later upload or request took their place")
    lost: int = Field(description="Asked for again and again, and never heard of")
    spent: Estimate = Field(description="What they took, as recorded")


class ProgressView(StageProgressView):
    """How far it is."""

    percent: float = Field(ge=0, le=100, description="Runs that have ended, of those planned")
    seconds_left: float | None = Field(
        description="Until the end, at the pace since it started or went on; unknown until a run "
        "has ended since"
    )
    stages: dict[str, StageProgressView]


class ReplayView(_View):
    """One replay."""

    replay_id: str = Field(examples=["20260131T120000123-1f2e3d"])
    state: ReplayState
    reason: str | None = Field(description="Why it did not start, paused or failed")
    wish: Wish = Field(description="What was asked of it last; it follows within seconds")
    request: ReplayRequest
    plan: PlanView
    progress: ProgressView
    comparison: Comparison | None = Field(
        description="Of a shadow run: how its results differ from the current ones, all added up"
    )
    differences: list[str] = Field(
        description="The comparison in words", examples=[["WER against current 3.1 %"]]
    )
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: dict[str, str] = Field(
        description="What can be done with it now",
        examples=[{"self": "/replays/2026…", "pause": "/replays/2026…/pause"}],
    )


def detail(replay: Replay, links: Mapping[str, str]) -> ReplayView:
    """``replay`` as people see it."""
    return ReplayView(
        **replay.model_dump(include=_AS_RECORDED),
        request=replay.request,
        plan=_plan(replay),
        progress=_progress(replay),
        comparison=replay.comparison,
        differences=replay.comparison.sentences() if replay.comparison else [],
        links=dict(links),
    )


_AS_RECORDED = {
    "replay_id",
    "state",
    "reason",
    "wish",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
}


def _plan(replay: Replay) -> PlanView:
    plan = replay.plan
    return PlanView(
        complete=plan.complete,
        videos=plan.videos,
        runs=plan.runs,
        estimate=plan.estimate,
        prices=plan.prices,
        stages=[_stage_plan(stage, planned) for stage, planned in plan.stages.items()],
    )


def _stage_plan(stage: str, plan: StagePlan) -> StagePlanView:
    return StagePlanView(
        stage=stage,
        **{verdict: plan.verdicts.get(verdict, 0) for verdict in get_args(Verdict)},
        because=plan.because,
        estimate=plan.estimate,
        measured=plan.measured,
    )


def _progress(replay: Replay) -> ProgressView:
    ended: dict[Ending, int] = {}
    for stage in replay.progress.values():
        for ending, count in stage.ended.items():
            ended[ending] = ended.get(ending, 0) + count
    whole = StageProgress(asked=replay.asked, ended=ended, spent=replay.spent)
    return ProgressView(
        **_counted(whole),
        percent=_percent(replay),
        seconds_left=_seconds_left(replay),
        stages={
            stage: StageProgressView(**_counted(progress))
            for stage, progress in replay.progress.items()
        },
    )


def _counted(progress: StageProgress) -> dict[str, Any]:
    return {
        "asked": progress.asked,
        "spent": progress.spent,
        **{ending: progress.ended.get(ending, 0) for ending in get_args(Ending)},
    }


def _percent(replay: Replay) -> float:
    if replay.state == "finished":
        return 100.0
    # More can end than was planned: uploads do not wait for plans.
    return round(min(1.0, replay.ended / max(1, replay.plan.runs)) * 100, 1)


def _seconds_left(replay: Replay) -> float | None:
    ended = replay.ended - replay.ended_before
    if replay.state != "running" or not replay.running_since or not ended:
        return None
    pace = (replay.updated_at - replay.running_since).total_seconds() / ended
    return round(pace * max(0, replay.plan.runs - replay.ended), 1)
