"""A claimed range: the lease on one range of a spread run, and the writes of its holder."""

from typing import Literal, TypeVar

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import LeaseLost, VideodropError
from pipeline.core.range_request import RangeRequest
from pipeline.core.range_run import RangeRun
from pipeline.core.ranges import MERGE, Range
from pipeline.core.records import Failure, StageRun
from pipeline.core.settings import Settings
from pipeline.runs.claimed import Claimed
from pipeline.runs.leftovers import Leftovers

_Error = TypeVar("_Error", bound=VideodropError)


class ClaimedRange(Claimed):
    """A range that this process may do.

    Writes to the range are conditional on its own ``attempt``, writes to the run on the run's. What
    ends the run is written to the range first, so a worker that was taken over ends nothing.

    Args:
        catalog: the catalog.
        leftovers: deletes what the run leaves if it fails.
        request: names the range.
        run: its run, as it was read.
        range_: the range, as it was claimed.
        span: the range in its plan.
        settings: the length of leases.
    """

    def __init__(
        self,
        catalog: Catalog,
        leftovers: Leftovers,
        request: RangeRequest,
        run: StageRun,
        range_: RangeRun,
        span: Range,
        settings: Settings,
    ) -> None:
        super().__init__(request.video_id, run.stage)
        self._catalog = catalog
        self._ranges = catalog.ranges
        self._runs = catalog.runs_of(shadow=request.shadow)
        self._leftovers = leftovers
        self._request = request
        self._run = run
        self._lease_s = settings.lease_s
        self.range = range_
        self.span = span

    @property
    def tries(self) -> int:
        """Return the number of claims that count, this one included."""
        return self.range.tries

    def heartbeat(self, *, progress: float = 0.0, lease_s: float | None = None) -> None:  # noqa: ARG002
        """Extend the lease; the progress of a spread run is the number of ranges that ended."""
        self._ranges.heartbeat(self._request, self.range, lease_s=lease_s or self._lease_s)

    def report(self, *, progress: float) -> None:
        """Write nothing: see ``heartbeat``."""

    def done(self) -> None:
        """Record that the part of the range is complete."""
        self._ranges.done(self._request, self.range)

    def supersede(self) -> None:
        """End the run: its source was replaced or deleted."""
        self._end("superseded")

    def fail(self, error: VideodropError) -> None:
        """End the run as failed, with the time span of the range in the message."""
        self._end("failed", located(error, self.span))

    def release(self, error: VideodropError, *, tries: int) -> None:
        """Give the range back for another try, the next after ``tries``."""
        self._ranges.release(self._request, self.range, error, tries=tries)

    def _end(
        self, state: Literal["failed", "superseded"], error: VideodropError | None = None
    ) -> None:
        self.heartbeat()
        try:
            self._runs.end(self.video_id, self._run, state, error)
        except LeaseLost:
            self._leftovers.clear(self._request)
            raise
        self._leftovers.clear(self._request)
        if error and not self._request.shadow:
            ended = {"state": state, "error": Failure.of(error)}
            self._catalog.announcer.stage_ended(self.video_id, self._run.model_copy(update=ended))


def located(error: _Error, span: Range) -> _Error:
    """Return the error of a range with its time span in the message."""
    where = (
        "while the parts were merged"
        if span.name == MERGE
        else f"between {_clock(span.start_s)} and {_clock(span.end_s)} of the video"
    )
    return type(error)(error.code, f"{error.message} It happened {where}.")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
