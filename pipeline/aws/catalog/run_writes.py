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
from pipeline.core.records import Failure, StageResult, StageRun

_HISTORY = 20  # most earlier results to roll back to
FAILED = ("failed_as", "failed_order")
"""The attributes by which the index of failures finds a run."""
SPREAD = ("spread", "ended", "rounds")
"""The attributes of a run whose work is spread."""
LEASE = ("lease_until", "lease_shard", *SPREAD)

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
        indexed: str | None = None,
    ) -> None:
        """Make ``result`` the current one and end the run: the one write that readers see.

        Args:
            video_id: of the run.
            run: as it was claimed.
            result: the result.
            also: further items to write with the record of the result, before it is current.
            indexed: what the search index has of it.

        Raises:
            LeaseLost: another worker took over; nothing changed for readers.
        """
        self._results.put(video_id, result, also=also)
        self._hold(
            video_id,
            run,
            succeeded(run, result, indexed) | {"history": came_from(run, result)},
            remove=(*LEASE, "error"),
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
        self._hold(video_id, run, self.ended(video_id, state, error), remove=LEASE)

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

    # -- conditions ------------------------------------------------------------------------------

    def _hold(
        self, video_id: str, run: StageRun, given: dict[str, Any], remove: tuple[str, ...] = ()
    ) -> None:
        """Write on condition that ``run`` still holds the lease it claimed."""
        held = {"attempt": run.attempt, "running": "running"}
        condition = "#attempt = :attempt AND #state = :running"
        self.write(video_id, run, given, remove, condition=condition, given=held)

    def write(
        self,
        video_id: str,
        run: StageRun,
        fields: dict[str, Any],
        remove: tuple[str, ...],
        **condition: Any,
    ) -> None:
        """Write to a run if a condition of ``Table.update`` holds.

        Raises:
            LeaseLost: it does not.
        """
        key = video_id, sort_key(run.stage, self._kind)
        try:
            self._table.update(*key, set=fields, remove=remove, **condition)
        except ConditionFailed as error:
            if not self._table.holds(*key, {"attempt": run.attempt} | fields):
                raise LeaseLost from error

    def ended(self, video_id: str, state: str, error: VideodropError | None) -> dict[str, Any]:
        """Return the fields of a run that ends without a result."""
        moment = iso(datetime.now(UTC))
        ended = {
            "state": state,
            "error": Failure.of(error).model_dump() if error else None,
            "tries": 0,
            "finished_at": moment,
        }
        return ended | self.failure(video_id, error, moment)

    def failure(
        self, video_id: str, error: VideodropError | Failure | None, moment: str
    ) -> dict[str, str]:
        """Return the entry for the index of failures; it has none for shadows."""
        if error is None or self._kind != "stage":
            return {}
        return {"failed_as": error.failure_class, "failed_order": f"{moment}#{video_id}"}


def succeeded(run: StageRun, result: StageResult, indexed: str | None) -> dict[str, Any]:
    """Return the fields of a run whose result is current: the times are those of the result."""
    given = fields(result)
    return {
        "state": "succeeded",
        "result": given,
        "result_revision": run.revision,
        "indexed": indexed,
        "progress": 100,
        "tries": 0,
        **{name: given[name] for name in ("queued_at", "started_at", "finished_at")},
    }


def first(run: StageRun) -> dict[str, str]:
    """Return the field with the first completion of a run that gets the times of a result."""
    return {"first_finished_at": iso(run.first_finish)} if run.first_finish else {}


def came_from(run: StageRun, result: StageResult) -> list[str]:
    """Return the history of a run whose current result is replaced by ``result``."""
    last = run.current_result
    left = [last.fingerprint] if last and last.fingerprint != result.fingerprint else []
    return [*run.history, *left][-_HISTORY:]
