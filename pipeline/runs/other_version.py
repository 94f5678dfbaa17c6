"""Requests of ranges that this worker cannot do: its code or models differ from those of the plan.

While a new version is deployed, workers of two versions receive messages of one queue. A range is
left to a worker of its run's version while there may be one. Once no range has ended for a while,
and none is at work, the run's event is sent again, and its receiver plans the run again. The work
of the ranges that have ended is lost then, and their files are deleted.
"""

import time
from datetime import UTC, datetime

from pipeline.aws.catalog import Catalog
from pipeline.aws.queues import Queue
from pipeline.core import events
from pipeline.core.errors import DependencyFailed, LeaseLost
from pipeline.core.events import Reprocess
from pipeline.core.range_request import RangeRequest
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.runs.delivery import Outcome
from pipeline.runs.failure import End, carry_out
from pipeline.runs.spread import Spreader

_DELAY_S = 15


class OtherVersions:
    """Passes requests of ranges on.

    Args:
        catalog: the catalog.
        spreader: sends messages of runs.
        settings: how long a run waits for workers of its version, and the number of tries.
    """

    def __init__(self, catalog: Catalog, spreader: Spreader, settings: Settings) -> None:
        self._catalog = catalog
        self._spreader = spreader
        self._settings = settings

    def pass_on(self, request: RangeRequest, run: StageRun, queue: Queue) -> Outcome:
        """Send a request back to its queue, and the run's event too if nobody works on the run.

        A copy of the request is sent, because a queue delivers a message only a few times. After
        the run was planned again, the copy has its receiver delete what the earlier plan has left.

        Args:
            request: names the run, and the range.
            run: the run, as it was read.
            queue: the queue.

        Raises:
            Retry: the queue could not be reached.
        """
        if (run.lease_until or 0) < time.time() and not self._at_work(request, run):
            if run.tries >= self._settings.max_attempts:
                return self._fail(request, run)
            self._have_planned(request, run, queue)
        self._spreader.send(queue, request, [request.of(request.range).body], delay_s=_DELAY_S)
        return Outcome.PASSED_ON

    def _at_work(self, request: RangeRequest, run: StageRun) -> int:
        return self._catalog.ranges.at_work(request.video_id, run, shadow=request.shadow)

    def _have_planned(self, request: RangeRequest, run: StageRun, queue: Queue) -> None:
        """Send the event of a run; its receiver sees by ``rounds`` that nobody works on it."""
        try:
            self._catalog.ranges.wait(
                request, run, rounds=run.rounds + 1, patience_s=self._settings.lease_s
            )
        except LeaseLost:
            return  # a range has ended, or another worker was first
        self._spreader.send(queue, request, [events.reprocess_body(_event(request, run))])

    def _fail(self, request: RangeRequest, run: StageRun) -> Outcome:
        error = DependencyFailed(
            "other_version",
            f"{run.stage} was begun {run.tries} times, the last time with code or models that no "
            "worker has any more. Replay it once all workers are of one version.",
        )
        outcome = carry_out(End(error), self._spreader.run(request, run))
        self._spreader.leftovers.clear(request)
        return outcome


def _event(request: RangeRequest, run: StageRun) -> Reprocess:
    """Return an event that requests a run again, with the id that the run is recorded under."""
    return Reprocess(
        event_id=request.event_id,
        time=datetime.now(UTC),
        video_id=request.video_id,
        stage=request.stage,
        params=run.spread.params if run.spread else {},
        revision=request.revision,
        replay_id=events.replay_id(request.event_id),
        shadow=request.shadow,
        reset=True,  # these are all parameters of the run
    )
