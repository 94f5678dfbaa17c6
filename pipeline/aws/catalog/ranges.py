"""The ranges of runs whose work is spread: claims, leases, and the set of those that have ended.

    pk          sk                                             what
    {video_id}  range#{stage or shadow}#{stage}#{run}#{name}   one range of the run's attempt {run}

An item is made by the first claim of its range. As in ``run_writes``, ``attempt`` is the fencing
token of a range. The run itself holds the tags of the ranges that have ended, in a set: adding to
it twice changes nothing, and exactly one writer sees it become complete.
"""

import time
from collections.abc import Iterator
from typing import Any

from pipeline.aws.catalog.run_changes import unchanged
from pipeline.aws.catalog.run_writes import Kind, sort_key
from pipeline.aws.catalog.table import ConditionFailed, Table, epoch_key, partition
from pipeline.core.errors import Busy, LeaseLost, VideodropError
from pipeline.core.range_request import RangeRequest
from pipeline.core.range_run import RangeRun
from pipeline.core.records import Failure, Spread, StageRun

# Items of a run that nobody cleared up after expire.
_KEPT_S = 30 * 86400


class Ranges:
    """The ranges in the catalog's table. A request names the range, or the run of all of them.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    # -- the run ---------------------------------------------------------------------------------

    def spread(
        self, request: RangeRequest, run: StageRun, spread: Spread, *, patience_s: float
    ) -> None:
        """Mark a claimed run as spread: from now on its ranges hold the leases.

        Args:
            request: names the run.
            run: as it was claimed.
            spread: its division.
            patience_s: seconds without an ended range after which the janitor looks at it.

        Raises:
            LeaseLost: another worker took over.
        """
        try:
            self._table.update(
                *_run_key(request),
                set={
                    "spread": spread.model_dump(),
                    "rounds": 0,
                    "lease_until": epoch_key(time.time() + patience_s),
                },
                condition="#attempt = :attempt AND #state = :running",
                given={"attempt": run.attempt, "running": "running"},
            )
        except ConditionFailed as error:
            raise LeaseLost from error

    def end(self, request: RangeRequest, tag: str, *, patience_s: float) -> frozenset[str]:
        """Record that a range has ended; return the tags of all that have.

        Raises:
            LeaseLost: the run has ended, or a later attempt has begun.
        """
        try:
            return self._table.add_member(
                *_run_key(request),
                name="ended",
                member=tag,
                set={"rounds": 0, "lease_until": epoch_key(time.time() + patience_s)},
                condition="#attempt = :attempt AND #state = :running",
                given={"attempt": request.attempt, "running": "running"},
            )
        except ConditionFailed as error:
            raise LeaseLost from error

    def wait(self, request: RangeRequest, run: StageRun, *, rounds: int, patience_s: float) -> None:
        """Postpone the next look at a spread run of which no range ends.

        Args:
            request: names the run.
            run: as it was read.
            rounds: how often its ranges have been requested again.
            patience_s: seconds until then.

        Raises:
            LeaseLost: the run changed since it was read.
        """
        try:
            self._table.update(
                *_run_key(request),
                set={"rounds": rounds, "lease_until": epoch_key(time.time() + patience_s)},
                **unchanged(run),
            )
        except ConditionFailed as error:
            raise LeaseLost from error

    # -- one range -------------------------------------------------------------------------------

    def read(self, request: RangeRequest) -> tuple[StageRun | None, RangeRun]:
        """Return the run and the range, read consistently in one request.

        A range that was never claimed is pending.
        """
        keys = [_run_key(request), _key(request)]
        rows = {item["sk"]: item for item in self._table.get_many(keys)}
        run, item = (rows.get(sk) for _, sk in keys)
        range_ = item or {"name": request.range or "", "run": request.attempt}
        return StageRun.model_validate(run) if run else None, RangeRun.model_validate(range_)

    def all(self, request: RangeRequest) -> list[RangeRun]:
        """Return the ranges of the run that were ever claimed."""
        return [RangeRun.model_validate(item) for item in self._items(request)]

    def at_work(self, video_id: str, run: StageRun, *, shadow: bool = False) -> int:
        """Return the number of ranges of a run whose lease a worker holds."""
        now = epoch_key(time.time())
        kind: Kind = "shadow" if shadow else "stage"
        items = self._table.query(
            KeyConditionExpression=partition(
                "pk", video_id, prefix=f"range#{kind}#{run.stage}#{run.attempt}#"
            ),
            ConsistentRead=True,
        )
        return sum(one["state"] == "running" and one["lease_until"] > now for one in items)

    def claim(
        self, request: RangeRequest, seen: RangeRun, *, lease_s: float, receipt: str | None
    ) -> RangeRun:
        """Take the lease on a range.

        Args:
            request: names the range.
            seen: the range as it was read.
            lease_s: how long the lease lasts unless a heartbeat extends it.
            receipt: id of the message's delivery.

        Raises:
            Busy: another worker holds a live lease, or the range changed since it was read.
        """
        now = time.time()
        if seen.state == "running" and (left := (seen.lease_until or 0) - now) > 0:
            raise Busy(left)
        claimed = seen.model_copy(
            update={
                "state": "running",
                "attempt": seen.attempt + 1,
                "tries": seen.tries + 1,
                "lease_until": now + lease_s,
                "receipt": receipt,
                "error": None,
            }
        )
        # A heartbeat moves nothing but the end of the lease.
        known = "#attempt = :seen AND #state = :state AND #lease_until = :lease"
        lease = epoch_key(seen.lease_until or 0)
        as_seen = {"seen": seen.attempt, "state": seen.state, "lease": lease}
        try:
            self._table.update(
                *_key(request),
                set={
                    **claimed.model_dump(mode="json"),
                    **_until(claimed.lease_until or 0),
                    "expires_at": int(now + _KEPT_S),
                },
                condition=known if seen.attempt else "attribute_not_exists(#pk)",
                given=as_seen if seen.attempt else {},
            )
        except ConditionFailed as error:
            # If the answer of a first try was lost, boto3 repeats it, and the claim is ours.
            _, now_is = self.read(request)
            ours = claimed.attempt, receipt
            if receipt is None or (now_is.attempt, now_is.receipt) != ours:
                raise Busy(1) from error
        return claimed

    def heartbeat(self, request: RangeRequest, range_: RangeRun, *, lease_s: float) -> None:
        """Extend the lease on a range.

        Raises:
            LeaseLost: another worker took over, or the run is over.
        """
        self._hold(request, range_, _until(time.time() + lease_s))

    def done(self, request: RangeRequest, range_: RangeRun) -> None:
        """Record that the part of a range is complete; its tag is that of the attempt.

        Raises:
            LeaseLost: another worker took over, or the run is over.
        """
        self._hold(request, range_, {"state": "done"})

    def release(
        self, request: RangeRequest, range_: RangeRun, error: VideodropError, *, tries: int
    ) -> None:
        """Give a range back for another try, the next after ``tries``.

        Raises:
            LeaseLost: another worker took over, or the run is over.
        """
        failure = Failure.of(error).model_dump()
        self._hold(request, range_, {"state": "pending", "tries": tries, "error": failure})

    def forget(self, request: RangeRequest) -> None:
        """Remove the ranges of the run, which is over, and of its earlier attempts."""
        items = [one for one in self._items(request, all_=True) if one["run"] <= request.attempt]
        if items:
            self._table.write(deletes=items)

    def _items(self, request: RangeRequest, *, all_: bool = False) -> Iterator[dict[str, Any]]:
        prefix = _prefix(request) if all_ else f"{_prefix(request)}{request.attempt}#"
        return self._table.query(
            KeyConditionExpression=partition("pk", request.video_id, prefix=prefix),
            ConsistentRead=True,
        )

    def _hold(self, request: RangeRequest, range_: RangeRun, given: dict[str, Any]) -> None:
        """Write on condition that ``range_`` still holds the lease it claimed."""
        try:
            self._table.update(
                *_key(request),
                set=given,
                condition="#attempt = :attempt AND #state = :running",
                given={"attempt": range_.attempt, "running": "running"},
            )
        except ConditionFailed as error:
            if not self._table.holds(*_key(request), {"attempt": range_.attempt} | given):
                raise LeaseLost from error


def _kind(request: RangeRequest) -> Kind:
    return "shadow" if request.shadow else "stage"


def _run_key(request: RangeRequest) -> tuple[str, str]:
    return request.video_id, sort_key(request.stage, _kind(request))


def _prefix(request: RangeRequest) -> str:
    return f"range#{_kind(request)}#{request.stage}#"


def _key(request: RangeRequest) -> tuple[str, str]:
    return request.video_id, f"{_prefix(request)}{request.attempt}#{request.range}"


def _until(moment: float) -> dict[str, str]:
    # A string, as everywhere: it is the key of an index, which has no entry for ranges.
    return {"lease_until": epoch_key(moment)}
