"""Spread runs of which no range has ended for a long time: requested again, then ended as lost."""

import logging
import time
from collections.abc import Callable

from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.aws.queues import Queue
from pipeline.core.errors import DependencyFailed, LeaseLost, Lost
from pipeline.core.range_request import RangeRequest
from pipeline.core.records import Spread, StageRun
from pipeline.runs.plan_file import names
from pipeline.runs.spread import request_of, waiting

log = logging.getLogger(__name__)

_ROUNDS = 3


class StalledRuns:
    """Looks after spread runs whose messages may be lost.

    It reads no files: it sends a message that has a worker request the ranges again, or delete what
    the run has left.

    Args:
        catalog: the catalog.
        queue: returns a queue by its name.
    """

    def __init__(self, catalog: Catalog, queue: Callable[[str], Queue]) -> None:
        self._catalog = catalog
        self._queue = queue

    def look(self, video_id: str, run: StageRun, spread: Spread, *, shadow: bool) -> bool:
        """Look at a run of which no range has ended for long; return True if it is to end as lost.

        It is left alone while a range is at work, or while messages wait in its queue. Its ranges
        are requested again three times.
        """
        request = request_of(video_id, run, fingerprint=spread.fingerprint, shadow=shadow)
        try:
            waits = (
                self._catalog.ranges.at_work(video_id, run, shadow=shadow)
                or not self._queue(spread.queue).is_empty()
            )
            if not waits and run.rounds >= _ROUNDS:
                return True
            rounds = run.rounds if waits else run.rounds + 1
            self._catalog.ranges.wait(request, run, rounds=rounds, patience_s=0)
            if not waits:
                log.warning("%s %s: its ranges are requested again", run.stage, video_id)
                self.tell(request, spread)
        except LeaseLost:
            pass  # a range has ended meanwhile
        except (DependencyFailed, *aws.ERRORS):
            log.warning("%s %s: its queue did not answer", run.stage, video_id, exc_info=True)
        return False

    def waits_for(self, request: RangeRequest) -> StageRun | None:
        """Return the run that cannot continue without the message of ``request``, if there is one.

        A copy of a message that a worker still has is not one of these.
        """
        found, range_ = self._catalog.ranges.read(request)
        run = waiting(found, request)
        if run is None or request.range is None:
            return None
        at_work = range_.state == "running" and (range_.lease_until or 0) > time.time()
        return None if at_work or request.range in names(run.ended) else run

    def tell(self, request: RangeRequest, spread: Spread) -> None:
        """Have a worker request the ranges of a run again, or clear up after it if it is over."""
        self._queue(spread.queue).send([request.of(None).body], group=request.video_id)


def lost(run: StageRun) -> Lost:
    """Return the error of a spread run that ends as lost."""
    total = run.spread.total if run.spread else 0
    return Lost(
        "lost",
        f"{run.stage} was running until {len(run.ended)} of {total} ranges had ended: the messages "
        "of the others were lost. Replay it.",
    )
