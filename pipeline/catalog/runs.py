"""Stage runs: who works on what, how far it is, and what came of it.

The lease is a conditional write that raises ``attempt`` and sets ``lease_until``. ``attempt`` is
the fencing token: every later write of a worker is conditional on it, so one that was paused and
taken over can change nothing. The last write flips the current result: readers see the old result
or the new one, never a mix.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from boto3.dynamodb.conditions import Key

from pipeline.catalog.records import Failure, StageResult, StageRun
from pipeline.catalog.table import ConditionFailed, Table, epoch_key, iso
from pipeline.errors import Busy, LeaseLost, Superseded, VideodropError
from pipeline.events import Upload

_SHARDS = "0123456789abcdef"


def sort_key(stage: str) -> str:
    """Where the state of a stage stands below its video."""
    return f"stage#{stage}"


class Runs:
    """The stage runs in the catalog's table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, video_id: str, stage: str) -> StageRun | None:
        """The state of one stage."""
        item = self._table.get(video_id, sort_key(stage))
        return None if item is None else StageRun.model_validate(item)

    def queue(self, upload: Upload, stage: str, *, patience_s: float) -> None:
        """Mark a stage pending for ``upload``, unless a worker was quicker.

        Args:
            upload: the new revision.
            stage: which stage.
            patience_s: how long it may stay pending before it counts as lost.
        """
        now = datetime.now(UTC)
        try:
            self._table.update(
                upload.video_id,
                sort_key(stage),
                set={
                    "stage": stage,
                    "state": "pending",
                    "revision": upload.revision,
                    "sequencer": upload.sequencer,
                    "progress": 0,
                    "tries": 0,
                    "queued_at": iso(now),
                    **_lease(upload.video_id, now.timestamp() + patience_s),
                },
                remove=("error", "started_at", "finished_at"),
                condition="attribute_not_exists(#pk) OR #sequencer < :new",
                given={"new": upload.sequencer},
            )
        except ConditionFailed:
            return

    def claim(self, upload: Upload, stage: str, *, event_id: str, lease_s: float) -> StageRun:
        """Take the lease on a stage run.

        Returns:
            The run as claimed; its ``attempt`` is the fencing token for every later write.

        Raises:
            Superseded: the stage already belongs to a later revision.
            Busy: another worker holds a live lease.
        """
        now = datetime.now(UTC)
        seen = self.get(upload.video_id, stage)
        if seen and seen.sequencer > upload.sequencer:
            raise Superseded
        same = seen if seen and seen.revision == upload.revision else None
        if same and same.state == "running" and same.lease_until:
            left = same.lease_until - now.timestamp()
            if left > 0:
                raise Busy(left)
        claimed = StageRun(
            stage=stage,
            state="running",
            revision=upload.revision,
            sequencer=upload.sequencer,
            attempt=(seen.attempt if seen else 0) + 1,
            tries=(same.tries if same and same.state in {"pending", "running"} else 0) + 1,
            lease_until=now.timestamp() + lease_s,
            event_id=event_id,
            queued_at=same.queued_at if same else now,
            started_at=now,
            result=seen.result if seen else None,
            result_revision=seen.result_revision if seen else None,
        )
        fields = claimed.model_dump(
            mode="json",
            exclude={"lease_until", "result", "result_revision", "finished_at", "error"},
        )
        try:
            self._table.update(
                upload.video_id,
                sort_key(stage),
                set=fields | _lease(upload.video_id, claimed.lease_until or 0),
                remove=("error", "finished_at"),
                **_unchanged(seen),
            )
        except ConditionFailed as error:
            raise Busy(1) from error
        return claimed

    def heartbeat(self, video_id: str, run: StageRun, *, progress: float, lease_s: float) -> None:
        """Extend the lease and write the progress (0 to 100).

        Raises:
            LeaseLost: another worker took over.
        """
        until = datetime.now(UTC).timestamp() + lease_s
        self._hold(video_id, run, {"lease_until": epoch_key(until), "progress": round(progress, 1)})

    def succeed(self, video_id: str, run: StageRun, result: StageResult) -> None:
        """Make ``result`` the current one and end the run: the one write that readers see.

        Raises:
            LeaseLost: another worker took over; nothing changed for readers.
        """
        fields = result.model_dump(mode="json")
        self._table.put(video_id, f"result#{run.stage}#{result.fingerprint}", fields)
        self._hold(
            video_id,
            run,
            {
                "state": "succeeded",
                "result": fields,
                "result_revision": run.revision,
                "progress": 100,
                "tries": 0,
                "finished_at": iso(datetime.now(UTC)),
            },
            remove=("lease_until", "lease_shard", "error"),
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
        self._hold(video_id, run, _ended(state, error), remove=("lease_until", "lease_shard"))

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
        failure = Failure.of(error).model_dump()
        self._hold(
            video_id,
            run,
            {
                "state": "pending",
                "error": failure,
                "tries": tries,
                "lease_until": epoch_key(until),
            },
        )

    def overdue(self, *, before: float) -> Iterator[tuple[str, StageRun]]:
        """Runs that are not terminal and whose ``lease_until`` is earlier than ``before``."""
        for shard in _SHARDS:
            condition = Key("lease_shard").eq(shard) & Key("lease_until").lt(epoch_key(before))
            for item in self._table.query(IndexName="leases", KeyConditionExpression=condition):
                yield item["pk"], StageRun.model_validate(item)

    def bury(self, video_id: str, run: StageRun, error: VideodropError) -> None:
        """Fail a run that nobody works on any more.

        It forgets its event: should the message turn up after all, it is no repetition.

        Raises:
            LeaseLost: it was heard of after all.
        """
        try:
            self._table.update(
                video_id,
                sort_key(run.stage),
                set=_ended("failed", error),
                remove=("lease_until", "lease_shard", "event_id"),
                **_unchanged(run),
            )
        except ConditionFailed as failed:
            raise LeaseLost from failed

    def result(self, video_id: str, stage: str, fingerprint: str) -> StageResult | None:
        """A stored result of this video, current or not."""
        item = self._table.get(video_id, f"result#{stage}#{fingerprint}")
        return None if item is None else StageResult.model_validate(item)

    def _hold(
        self, video_id: str, run: StageRun, fields: dict[str, Any], remove: tuple[str, ...] = ()
    ) -> None:
        """Write on condition that ``run`` still holds the lease it claimed."""
        try:
            self._table.update(
                video_id,
                sort_key(run.stage),
                set=fields,
                remove=remove,
                condition="#attempt = :attempt AND #state = :running",
                given={"attempt": run.attempt, "running": "running"},
            )
        except ConditionFailed as error:
            raise LeaseLost from error


def _lease(video_id: str, until: float) -> dict[str, str]:
    # A video id is random hexadecimal: its first digit spreads the index over 16 partitions.
    return {"lease_until": epoch_key(until), "lease_shard": video_id[0]}


def _ended(state: str, error: VideodropError | None) -> dict[str, Any]:
    return {
        "state": state,
        "error": Failure.of(error).model_dump() if error else None,
        "tries": 0,
        "finished_at": iso(datetime.now(UTC)),
    }


def _unchanged(seen: StageRun | None) -> dict[str, Any]:
    """The condition that nobody touched the run since it was read.

    A claim moves ``attempt``, a heartbeat moves ``lease_until``, and a new revision moves
    ``sequencer``.
    """
    if seen is None:
        return {"condition": "attribute_not_exists(#pk)"}
    condition, given = "#sequencer = :seen_sequencer", {"seen_sequencer": seen.sequencer}
    lease = None if seen.lease_until is None else epoch_key(seen.lease_until)
    for name, value in (("attempt", seen.attempt or None), ("lease_until", lease)):
        if value is None:
            condition += f" AND attribute_not_exists(#{name})"
        else:
            condition += f" AND #{name} = :seen_{name}"
            given[f"seen_{name}"] = value  # type: ignore[assignment]
    return {"condition": condition, "given": given}
