"""The writes to a stage run that was read or claimed, each fenced.

``attempt`` is the fencing token: every write of a worker is conditional on the ``attempt`` that it
claimed. A worker that was paused and replaced can therefore change nothing. The last write flips
the current result: readers see the old result or the new one, never a mix.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.aws.catalog.results import Results, fields
from pipeline.aws.catalog.table import ConditionFailed, Table, epoch_key, iso
from pipeline.core.errors import LeaseLost, VideodropError
from pipeline.core.records import TERMINAL, Failure, StageResult, StageRun

_HISTORY = 20  # most earlier results to roll back to
FAILED = ("failed_as", "failed_order")
"""The attributes by which the index of failures finds a run."""
SPREAD = ("spread", "ended", "rounds")
"""The attributes of a run whose work is spread."""
_LEASE = ("lease_until", "lease_shard", *SPREAD)
_PROMOTED = {
    *("state", "result", "result_revision", "progress", "tries", "error", "event_id", "history"),
    *("queued_at", "started_at", "finished_at", "first_finished_at"),
}  # what a promotion writes

Kind = Literal["stage", "shadow"]


def sort_key(stage: str, kind: Kind = "stage") -> str:
    """Return the sort key of a stage's state, below its video."""
    return f"{kind}#{stage}"


class RunWrites:
    """The fenced writes to stage runs; ``Runs`` adds reading and claiming.

    Args:
        table: the catalog's table.
        kind: ``stage`` for regular runs, ``shadow`` for those whose results are only compared.
            Both are claimed and fenced in the same way.
    """

    def __init__(self, table: Table, kind: Kind = "stage") -> None:
        self._table = table
        self._kind = kind
        self._results = Results(table)

    # -- by the worker that holds the lease ------------------------------------------------------

    def heartbeat(self, video_id: str, run: StageRun, *, progress: float, lease_s: float) -> None:
        """Extend the lease and write the progress (0 to 100).

        Raises:
            LeaseLost: another worker took over.
        """
        until = datetime.now(UTC).timestamp() + lease_s
        self._hold(video_id, run, {"lease_until": epoch_key(until), "progress": round(progress, 1)})

    def report(self, video_id: str, run: StageRun, *, progress: float) -> None:
        """Write the progress (0 to 100), and leave the lease as it is.

        Raises:
            LeaseLost: another worker took over.
        """
        self._hold(video_id, run, {"progress": round(progress, 1)})

    def succeed(
        self,
        video_id: str,
        run: StageRun,
        result: StageResult,
        *,
        also: Iterable[dict[str, Any]] = (),
    ) -> None:
        """Make ``result`` the current one and end the run: the one write that readers see.

        Args:
            video_id: of the run.
            run: as it was claimed.
            result: the result.
            also: further items to write with the record of the result, before it is current.

        Raises:
            LeaseLost: another worker took over; nothing changed for readers.
        """
        self._results.put(video_id, result, also=also)
        self._hold(
            video_id,
            run,
            _succeeded(run, result) | {"history": _came_from(run, result)},
            remove=(*_LEASE, "error"),
        )

    def end(
        self,
        video_id: str,
        run: StageRun,
        state: Literal["skipped", "failed", "superseded"],
        error: VideodropError | None = None,
    ) -> None:
        """End the run without a result of its own; an earlier one stays.

        Raises:
            LeaseLost: another worker took over.
        """
        self._hold(video_id, run, self._ended(video_id, state, error), remove=_LEASE)

    def release(
        self,
        video_id: str,
        run: StageRun,
        error: VideodropError,
        *,
        tries: int,
        patience_s: float,
    ) -> None:
        """Give the run back for another try, the next after ``tries``.

        It counts as lost after ``patience_s``.

        Raises:
            LeaseLost: another worker took over.
        """
        until = datetime.now(UTC).timestamp() + patience_s
        self._hold(
            video_id,
            run,
            {
                "state": "pending",
                "error": Failure.of(error).model_dump(),
                "tries": tries,
                "lease_until": epoch_key(until),
            },
        )

    # -- by others, if the run is as they read it ------------------------------------------------

    def promote(
        self, video_id: str, run: StageRun, result: StageResult, *, history: list[str] | None = None
    ) -> None:
        """Make a stored result the current one, without computing anything.

        It raises ``attempt`` as a claim does: of two concurrent promotions one succeeds.

        Args:
            video_id: of the run.
            run: the run as it was read; it must be terminal.
            result: a stored result of this content.
            history: the run's history after it; by default the current result is added.

        Raises:
            LeaseLost: the run is in progress, or changed since it was read.
        """
        if run.state not in TERMINAL:
            raise LeaseLost
        back = _came_from(run, result) if history is None else history
        self._replace(
            video_id,
            run,
            _succeeded(run, result) | {"history": back, "attempt": run.attempt + 1} | _first(run),
            remove=("error", "event_id", *FAILED),
        )

    def undo_promotion(self, video_id: str, run: StageRun) -> None:
        """Restore a promoted run to its state before the promotion.

        Raises:
            LeaseLost: it changed since.
        """
        promoted = run.model_copy(update={"attempt": run.attempt + 1})
        former = run.model_dump(mode="json", include=_PROMOTED) | {"attempt": run.attempt + 2}
        if run.finished_at:
            former |= self._failure(video_id, run.error, iso(run.finished_at))
        self._replace(video_id, promoted, former)

    def fail_lost(self, video_id: str, run: StageRun, error: VideodropError) -> None:
        """Fail a run whose worker or message was lost.

        Its event is removed, so that a late message is not taken for a duplicate.

        Raises:
            LeaseLost: the run changed since it was read.
        """
        failed = self._ended(video_id, "failed", error)
        if run.unrecorded:
            failed |= run.model_dump(include={"stage", "revision", "sequencer"})
        self._replace(video_id, run, failed, remove=(*_LEASE, "event_id"))

    # -- conditions ------------------------------------------------------------------------------

    def _hold(
        self, video_id: str, run: StageRun, given: dict[str, Any], remove: tuple[str, ...] = ()
    ) -> None:
        """Write on condition that ``run`` still holds the lease it claimed."""
        try:
            self._table.update(
                video_id,
                sort_key(run.stage, self._kind),
                set=given,
                remove=remove,
                condition="#attempt = :attempt AND #state = :running",
                given={"attempt": run.attempt, "running": "running"},
            )
        except ConditionFailed as error:
            raise LeaseLost from error

    def _replace(
        self, video_id: str, run: StageRun, given: dict[str, Any], remove: tuple[str, ...] = ()
    ) -> None:
        """Write on condition that ``run`` is unchanged since it was read."""
        try:
            self._table.update(
                video_id,
                sort_key(run.stage, self._kind),
                set=given,
                remove=remove,
                **unchanged(run),
            )
        except ConditionFailed as error:
            raise LeaseLost from error

    def _ended(self, video_id: str, state: str, error: VideodropError | None) -> dict[str, Any]:
        moment = iso(datetime.now(UTC))
        ended = {
            "state": state,
            "error": Failure.of(error).model_dump() if error else None,
            "tries": 0,
            "finished_at": moment,
        }
        return ended | self._failure(video_id, error, moment)

    def _failure(
        self, video_id: str, error: VideodropError | Failure | None, moment: str
    ) -> dict[str, str]:
        """Return the entry for the index of failures; it has none for shadows."""
        if error is None or self._kind != "stage":
            return {}
        return {"failed_as": error.failure_class, "failed_order": f"{moment}#{video_id}"}


def unchanged(seen: StageRun) -> dict[str, Any]:
    """Return the condition that the run is unchanged since it was read.

    A claim moves ``attempt``, a heartbeat moves ``lease_until``, and a new revision moves
    ``sequencer``.
    """
    given: dict[str, Any] = {"seen_sequencer": seen.sequencer}
    if seen.unrecorded:  # or a run of an earlier upload was claimed late
        condition = "attribute_not_exists(#pk) OR #sequencer < :seen_sequencer"
        return {"condition": condition, "given": given}
    condition = "#sequencer = :seen_sequencer"
    lease = None if seen.lease_until is None else epoch_key(seen.lease_until)
    for name, value in (("attempt", seen.attempt or None), ("lease_until", lease)):
        if value is None:
            condition += f" AND attribute_not_exists(#{name})"
        else:
            condition += f" AND #{name} = :seen_{name}"
            given[f"seen_{name}"] = value
    return {"condition": condition, "given": given}


def _succeeded(run: StageRun, result: StageResult) -> dict[str, Any]:
    """Return the fields of a run whose result is current: the times are those of the result."""
    given = fields(result)
    return {
        "state": "succeeded",
        "result": given,
        "result_revision": run.revision,
        "progress": 100,
        "tries": 0,
        **{name: given[name] for name in ("queued_at", "started_at", "finished_at")},
    }


def _first(run: StageRun) -> dict[str, str]:
    """Return the field with the first completion of a run that gets the times of a result."""
    return {"first_finished_at": iso(run.first_finish)} if run.first_finish else {}


def _came_from(run: StageRun, result: StageResult) -> list[str]:
    """Return the history of a run whose current result is replaced by ``result``."""
    last = run.current_result
    left = [last.fingerprint] if last and last.fingerprint != result.fingerprint else []
    return [*run.history, *left][-_HISTORY:]
