"""The changes to a stage run by others than its worker, if it is as they read it.

A promotion, and the end of a run that was lost, have no message that is delivered again. So both
leave the run overdue until its event was sent: the janitor sends it if this process dies.
"""

from contextlib import suppress
from typing import Any

from pipeline.aws.catalog.run_writes import FAILED, LEASE, RunWrites, came_from, first, succeeded
from pipeline.aws.catalog.table import epoch_key, iso
from pipeline.core.errors import LeaseLost, VideodropError
from pipeline.core.records import Failure, StageResult, StageRun
from pipeline.core.status import TERMINAL

# Of a run that has ended, and whose event is still to be sent: it is overdue.
_UNTOLD = epoch_key(0)
_PROMOTED = {
    *("state", "result", "result_revision", "progress", "tries", "error", "event_id", "history"),
    *("queued_at", "started_at", "finished_at", "first_finished_at"),
}  # what a promotion writes


class RunChanges(RunWrites):
    """The changes to stage runs by others than their workers."""

    def promote(
        self,
        video_id: str,
        run: StageRun,
        result: StageResult,
        *,
        history: list[str] | None = None,
        indexed: str | None = None,
    ) -> StageRun:
        """Make a stored result the current one, without computing anything.

        It raises ``attempt`` as a claim does: of two concurrent promotions one succeeds. The run is
        overdue until ``told``, so that the janitor sends its event if this process dies.

        Args:
            video_id: of the run.
            run: the run as it was read; it must be terminal.
            result: a stored result of this content.
            history: the run's history after it; by default the current result is added.
            indexed: what the search index has of the result.

        Returns:
            the run as it is now.

        Raises:
            LeaseLost: the run is in progress, or changed since it was read.
        """
        if run.state not in TERMINAL:
            raise LeaseLost
        back = came_from(run, result) if history is None else history
        now_current = succeeded(run, result, indexed) | {"history": back} | first(run)
        self._replace(
            video_id,
            run,
            now_current | {"attempt": run.attempt + 1} | _untold(video_id),
            remove=("error", "event_id", *FAILED),
        )
        return run.model_copy(
            update={
                "state": "succeeded",
                "result": result,
                "result_revision": run.revision,
                "attempt": run.attempt + 1,
                "error": None,
                "event_id": None,
            }
        )

    def undo_promotion(self, video_id: str, run: StageRun, *, indexed: str | None = None) -> None:
        """Restore a promoted run to its state before the promotion.

        Raises:
            LeaseLost: it changed since.
        """
        former = run.model_dump(mode="json", include=_PROMOTED)
        former |= {"attempt": run.attempt + 2, "indexed": indexed}
        if run.finished_at:
            former |= self.failure(video_id, run.error, iso(run.finished_at))
        promoted = {"attempt": run.attempt + 1, "sequencer": run.sequencer}
        condition = "#attempt = :attempt AND #sequencer = :sequencer"
        self.write(video_id, run, former, LEASE[:2], condition=condition, given=promoted)

    def told(self, video_id: str, run: StageRun) -> None:
        """Record that the event of an ended run was sent, so that the run is not overdue."""
        untold = {"untold": _UNTOLD}
        with suppress(LeaseLost):  # a claim or an upload has set a lease of its own
            self.write(
                video_id, run, {}, LEASE[:2], condition="#lease_until = :untold", given=untold
            )

    def fail_lost(self, video_id: str, run: StageRun, error: VideodropError) -> StageRun:
        """Fail a run whose worker or message was lost.

        Its event is removed, so that a late message is not taken for a duplicate. A regular run is
        overdue until ``told``.

        Returns:
            the run as it is now.

        Raises:
            LeaseLost: the run changed since it was read.
        """
        failed = self.ended(video_id, "failed", error)
        if run.unrecorded:
            failed |= run.model_dump(include={"stage", "revision", "sequencer"})
        if self._kind == "stage":
            failed |= _untold(video_id)
        gone = tuple(name for name in (*LEASE, "event_id") if name not in failed)
        self._replace(video_id, run, failed, remove=gone)
        return run.model_copy(
            update={"state": "failed", "error": Failure.of(error), "event_id": None}
        )

    def _replace(
        self, video_id: str, run: StageRun, given: dict[str, Any], remove: tuple[str, ...] = ()
    ) -> None:
        """Write on condition that ``run`` is unchanged since it was read."""
        self.write(video_id, run, given, remove, **unchanged(run))


def _untold(video_id: str) -> dict[str, str]:
    """Return the fields by which the janitor finds a run whose event is to be sent."""
    return {"lease_until": _UNTOLD, "lease_shard": video_id[0]}


def unchanged(seen: StageRun) -> dict[str, Any]:
    """Return the condition that the run is unchanged since it was read.

    A claim moves ``attempt``, a heartbeat moves ``lease_until``, a division sets ``spread``, and a
    new revision moves ``sequencer``.
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
    exists = "attribute_exists" if seen.spread else "attribute_not_exists"
    return {"condition": f"{condition} AND {exists}(#spread)", "given": given}
