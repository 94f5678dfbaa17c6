"""Response models of replays, made from records without AWS calls or a clock.

The API serves them as JSON and the command line prints them, so both show the same plan.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.records import Estimate
from pipeline.replays.records import (
    Desired,
    Ending,
    Replay,
    ReplayState,
    StagePlan,
    StageProgress,
    Verdict,
)
from pipeline.replays.request import ReplayRequest
from pipeline.results.comparison import Comparison

POSSIBLE: dict[ReplayState, list[Desired]] = {
    "planning": ["cancel"],
    "planned": ["run", "cancel"],
    "running": ["pause", "cancel"],
    "paused": ["run", "cancel"],
}
"""The states that can be requested of a replay, by its present state; none once it is over."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StagePlanView(_View):
    """The plan of one stage over all selected videos, in numbers of videos."""

    stage: str
    run: int = Field(description="To compute")
    reuse: int = Field(description="A stored result becomes current; nothing is computed")
    current: int = Field(description="The current result is up to date")
    left_out: int = Field(description="The uploader excluded the stage")
    in_progress: int = Field(description="Running or pending")
    not_selected: int = Field(description="Not among the selected stages or results")
    failed_permanently: int = Field(
        description="The same run failed for good; select by `failure_class` to retry it"
    )
    blocked: int = Field(description="Cannot be planned: see `because`")
    because: dict[str, int] = Field(
        description="The commonest reasons, each with its number of videos",
        examples=[{"confidence: 0.25 → 0.4": 200}],
    )
    estimate: Estimate = Field(description="Of all that would run")
    measured: int = Field(
        description="Number of those estimated from recorded run times; the rest are guesses"
    )


class PlanView(_View):
    """The plan of a replay."""

    complete: bool = Field(description="True once all videos have been examined")
    videos: int = Field(description="Examined and selected")
    runs: int = Field(description="Stage runs to request, reused results included")
    estimate: Estimate = Field(description="Of all stages together")
    prices: str = Field(description="Region and date of the price table behind `usd`")
    stages: list[StagePlanView]


class StageProgressView(_View):
    """The progress of the runs of one stage, or of all together."""

    asked: int = Field(description="Runs requested so far")
    succeeded: int
    reused: int = Field(description="A stored result became current")
    failed: int
    superseded: int = Field(description="Replaced by a later upload or request")
    lost: int = Field(description="Requested several times, each time without a trace")
    spent: Estimate = Field(description="Their recorded cost")


class ProgressView(StageProgressView):
    """The progress of a replay."""

    percent: float = Field(ge=0, le=100, description="Ended runs of those planned")
    seconds_left: float | None = Field(
        description="Until the end, at the rate since it started or last resumed; null until a run "
        "has ended since"
    )
    stages: dict[str, StageProgressView]


class ReplayView(_View):
    """One replay."""

    replay_id: str = Field(examples=["20260131T120000123-1f2e3d"])
    state: ReplayState
    reason: str | None = Field(description="Why it did not start, paused or failed")
    desired_state: Desired = Field(description="Requested state; it is reached within seconds")
    request: ReplayRequest
    plan: PlanView
    progress: ProgressView
    comparison: Comparison | None = Field(
        description="Of a shadow run: the sum of differences from the current results"
    )
    differences: list[str] = Field(
        description="The comparison in words", examples=[["WER against current 3.1 %"]]
    )
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: dict[str, str] = Field(
        description="Paths of the possible requests",
        examples=[{"self": "/replays/2026…", "pause": "/replays/2026…/pause"}],
    )


def detail(replay: Replay, links: Mapping[str, str]) -> ReplayView:
    """Return the view of ``replay``."""
    return ReplayView(
        **replay.model_dump(include=_AS_RECORDED),
        request=replay.request,
        plan=_plan(replay),
        progress=_progress(replay),
        comparison=replay.comparison,
        differences=replay.comparison.sentences() if replay.comparison else [],
        links=dict(links),
    )


# Fields of verdicts whose names in the records are others.
_FIELDS: Mapping[Verdict, str] = {"hopeless": "failed_permanently"}
_AS_RECORDED = {
    "replay_id",
    "state",
    "reason",
    "desired_state",
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
        **{
            _FIELDS.get(verdict, verdict): plan.verdicts.get(verdict, 0)
            for verdict in get_args(Verdict)
        },
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
    # More runs can end than were planned: uploads arrive meanwhile.
    return round(min(1.0, replay.ended / max(1, replay.plan.runs)) * 100, 1)


def _seconds_left(replay: Replay) -> float | None:
    ended = replay.ended - replay.ended_before
    if replay.state != "running" or not replay.running_since or not ended:
        return None
    pace = (replay.updated_at - replay.running_since).total_seconds() / ended
    return round(pace * max(0, replay.plan.runs - replay.ended), 1)
