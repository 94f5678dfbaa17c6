"""The settlement of a replay's runs: the runs that have ended, and how.

Endings are read from the recorded runs. Messages are not counted, because they may be delivered
twice or lost.
"""

import time
from collections.abc import Callable, Iterable
from functools import cache

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import DependencyFailed
from pipeline.core.events import replay_event_id
from pipeline.core.records import Cost, StageResult, StageRun
from pipeline.core.status import TERMINAL
from pipeline.costs.estimator import Estimator
from pipeline.replays.lanes import Lanes
from pipeline.replays.records import Ending, Open, Replay, StageProgress
from pipeline.results.comparison import Comparison, compare

# A run without news for so long, and whose lane is empty, is requested again.
PATIENCE_S = 60.0
_ASKED_AGAIN = 2
# Comparing reads files: after so many, the driver writes a checkpoint.
_COMPARED_AT_ONCE = 10


class Settlement:
    """The settlement of requested runs.

    Args:
        catalog: the recorded runs.
        artifacts: the files of results, for comparing them.
        lanes: the queues, to see whether messages are still waiting there.
        estimator: prices the cost of runs.
        patience_s: seconds without news after which a run may be lost.
        clock: returns epoch seconds.
    """

    def __init__(
        self,
        catalog: Catalog,
        artifacts: Artifacts,
        lanes: Lanes,
        estimator: Estimator,
        *,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._catalog = catalog
        self._artifacts = artifacts
        self._lanes = lanes
        self._estimator = estimator
        self._patience_s = patience_s
        self._clock = clock

    def settle(self, replay: Replay) -> Replay:
        """Move the runs that have ended from ``open`` to ``progress``, and return the replay.

        A run whose message was lost gets ``asked_at`` 0: it is to be requested again.
        """
        if not replay.open:
            return replay
        runs = self._catalog.runs_of(shadow=replay.request.shadow)
        states = runs.many((one.video_id, one.stage) for one in replay.open)
        empty = cache(self._lanes.is_empty)
        outdated = self._outdated(one for one in replay.open if self._is_overdue(one))
        left, progress = [], dict(replay.progress)
        comparison, compared = replay.comparison, 0
        for one in replay.open:
            run = states.get((one.video_id, one.stage))
            folder = runs.folder(run.attempt) if run else ""
            how = _ending(replay, one, run, folder)
            if how is None and one.video_id in outdated:
                how = "superseded"
            elif how is None and self._is_missing(one, run) and empty(one.stage):
                how = "lost" if one.again >= _ASKED_AGAIN else None
                one = _again(one) if how is None else one  # noqa: PLW2901 - its new state
            if how is None:
                left.append(one)
                continue
            result = run.current_result if run and how in {"succeeded", "reused"} else None
            if result and replay.request.shadow:
                if compared == _COMPARED_AT_ONCE:
                    left.append(one)
                    continue
                compared += 1
                comparison = self._compared(comparison, one, result)
            known = progress.get(one.stage, StageProgress())
            progress[one.stage] = self._counted(known, one, how, run)
        return replay.model_copy(
            update={"open": left, "progress": progress, "comparison": comparison}
        )

    def _is_overdue(self, one: Open) -> bool:
        return one.asked_at > 0 and self._clock() - one.asked_at > self._patience_s

    def _is_missing(self, one: Open, run: StageRun | None) -> bool:
        """Return True if a run is overdue and no worker holds a live lease on it."""
        at_work = run and run.state == "running" and (run.lease_until or 0) > self._clock()
        return self._is_overdue(one) and not at_work

    def _outdated(self, overdue: Iterable[Open]) -> set[str]:
        """Return the videos that were deleted or uploaded again: workers drop their requests."""
        revisions = {one.video_id: one.revision for one in overdue}
        if not revisions:
            return set()
        videos = self._catalog.videos(list(revisions), brief=True)
        return revisions.keys() - {
            video.video_id
            for video in videos
            if not video.deleted_at and video.revision == revisions[video.video_id]
        }

    def _compared(
        self, comparison: Comparison | None, one: Open, result: StageResult
    ) -> Comparison | None:
        run = self._catalog.runs.get(one.video_id, one.stage)
        if run is None or run.current_result is None:
            return comparison
        results = run.current_result, result
        try:
            difference = compare(*results, self._artifacts.read)
        except DependencyFailed:
            if all(self._artifacts.has(one.prefix) for one in results):
                raise
            return comparison  # the files of one result were removed meanwhile
        return (comparison or Comparison()).add(difference)

    def _counted(
        self, known: StageProgress, one: Open, how: Ending, run: StageRun | None
    ) -> StageProgress:
        spent = known.spent
        if how == "succeeded" and run and run.current_result:
            spent += self._estimator.price(one.stage, run.current_result.cost)
        elif how == "failed" and run and run.started_at and run.finished_at:
            # A failed run cost its time, too; nothing else of it is known.
            seconds = (run.finished_at - run.started_at).total_seconds()
            spent += self._estimator.price(one.stage, _only(seconds))
        ended = {**known.ended, how: known.ended.get(how, 0) + 1}
        return known.model_copy(update={"ended": ended, "spent": spent})


def _ending(replay: Replay, one: Open, run: StageRun | None, folder: str) -> Ending | None:
    """Return how a requested run ended; None while it has not.

    Args:
        replay: the replay that requested it.
        one: the request.
        run: the recorded state.
        folder: folder of the run's files, used if it computes anything.
    """
    if run is None or run.state not in TERMINAL:
        return None
    result = run.current_result
    if run.event_id == replay_event_id(replay.replay_id):
        if run.state == "succeeded" and result:
            made = result.prefix.endswith(f"/{folder}/") and not result.copied_from
            return "succeeded" if made else "reused"
        return "failed" if run.state == "failed" else "superseded"
    if run.state == "succeeded" and result and result.fingerprint == one.fingerprint:
        return "reused"  # another event made the same result first
    if run.revision != one.revision:
        return "superseded"
    # The janitor fails a run that lost its message, and removes its event.
    ended = run.finished_at.timestamp() if run.finished_at else 0.0
    asked = int(one.asked_at * 1000) / 1000  # times of runs are whole milliseconds
    if run.state == "failed" and run.event_id is None and ended >= asked > 0:
        return "lost"
    return None


def _only(seconds: float) -> Cost:
    return Cost(seconds=seconds, cpu_seconds=0, media_seconds=0, bytes_in=0, bytes_out=0)


def _again(one: Open) -> Open:
    return one.model_copy(update={"asked_at": 0.0, "again": one.again + 1})
