"""The deletion of what a spread run has left: its ranges, and files that no manifest lists."""

import time
from collections.abc import Callable

from pipeline.aws.catalog import Catalog
from pipeline.aws.run_files import RunFiles
from pipeline.core.errors import Busy
from pipeline.core.range_request import RangeRequest
from pipeline.core.ranges import MERGE
from pipeline.core.records import StageRun
from pipeline.runs.delivery import Outcome


class Leftovers:
    """Deletes what runs of one stage have left.

    Args:
        catalog: the catalog.
        files: returns the files of a run.
    """

    def __init__(self, catalog: Catalog, files: Callable[[RangeRequest], RunFiles]) -> None:
        self._catalog = catalog
        self._files = files

    def clear(self, request: RangeRequest) -> None:
        """Delete the ranges of a run that is over, and its files that no manifest lists."""
        self._catalog.ranges.forget(request)
        runs = self._catalog.runs_of(shadow=request.shadow)
        earlier = [runs.folder(attempt) for attempt in range(1, request.attempt)]
        self._files(request).delete_unlisted(earlier)

    def clear_ended(
        self, request: RangeRequest, run: StageRun | None, *, claimed: bool = False
    ) -> Outcome:
        """Delete what is left of a run that has ended.

        The process that ended it may have died before it sent its event, so it is sent again.

        Args:
            request: names the run.
            run: the stage's run as it is now, if known.
            claimed: True if this process holds the lease on the range that is requested.

        Returns:
            the outcome of the request.

        Raises:
            Busy: its merge may still write.
        """
        if run and run.attempt == request.attempt and not request.shadow:
            self._catalog.announcer.stage_ended(request.video_id, run)
        if not (claimed and request.range == MERGE):
            _, merge = self._catalog.ranges.read(request.of(MERGE))
            left = (merge.lease_until or 0) - time.time()
            if merge.state == "running" and left > 0:
                raise Busy(left)
        self.clear(request)
        return Outcome.SUPERSEDED

    def clear_late(self, request: RangeRequest, run: StageRun | None) -> Outcome:
        """Delete what is left of a run whose ranges are not wanted any more.

        Args:
            request: names the run.
            run: the stage's run as it is now, if known.

        Returns:
            the outcome of the request.

        Raises:
            Busy: its merge may still write.
        """
        if run and (run.state, run.attempt) == ("running", request.attempt):
            return Outcome.IGNORED  # it is not spread: this is not a message of ours
        return self.clear_ended(request, run)
