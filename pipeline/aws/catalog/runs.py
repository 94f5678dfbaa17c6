"""Stage runs: who works on what, how far it is, and what came of it.

The lease is a conditional write that raises ``attempt`` and sets ``lease_until``. ``attempt`` is
the fencing token: every later write of a worker is conditional on it, so one that was paused and
taken over can change nothing. The last write flips the current result: readers see the old result
or the new one, never a mix.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.aws.catalog.table import ConditionFailed, Table, epoch_key, iso, partition
from pipeline.core.errors import Busy, FailureClass, LeaseLost, Superseded, VideodropError
from pipeline.core.events import Upload
from pipeline.core.records import TERMINAL, Failure, StageResult, StageRun

_SHARDS = "0123456789abcdef"
_HISTORY = 20  # ways back that are remembered
_FAILED = ("failed_as", "failed_order")
_PROMOTED = {
    *("state", "result", "result_revision", "progress", "tries", "error", "event_id", "history"),
    *("queued_at", "started_at", "finished_at"),
}  # what a promotion writes

Kind = Literal["stage", "shadow"]


def sort_key(stage: str, kind: Kind = "stage") -> str:
    """Where the state of a stage stands below its video."""
    return f"{kind}#{stage}"


class Runs:
    """The stage runs in the catalog's table.

    Args:
        table: where.
        kind: ``stage`` for those that people see, ``shadow`` for those whose results are only
            compared: they are claimed and fenced alike.
    """

    def __init__(self, table: Table, kind: Kind = "stage") -> None:
        self._table = table
        self._kind = kind

    def get(self, video_id: str, stage: str) -> StageRun | None:
        """The state of one stage."""
        item = self._table.get(video_id, sort_key(stage, self._kind))
        return None if item is None else StageRun.model_validate(item)

    def folder(self, run: StageRun) -> str:
        """Where a run puts its files, below the fingerprint: no other run ever has it.

        Shadows count their attempts apart, so numbers alone would meet.
        """
        return f"{run.attempt}" if self._kind == "stage" else f"{self._kind}-{run.attempt}"

    def many(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], StageRun]:
        """The states of several (video id, stage), by these; unknown ones are left out."""
        keys = [(video_id, sort_key(stage, self._kind)) for video_id, stage in wanted]
        found = self._table.get_many(keys)
        return {(item["pk"], item["stage"]): StageRun.model_validate(item) for item in found}

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
                sort_key(stage, self._kind),
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
                remove=(
                    "error",
                    "event_id",
                    "started_at",
                    "finished_at",
                    "tried",
                    "history",
                    *_FAILED,
                ),
                condition="attribute_not_exists(#pk) OR #sequencer < :new",
                given={"new": upload.sequencer},
            )
        except ConditionFailed:
            return

    def claim(
        self,
        upload: Upload,
        stage: str,
        *,
        event_id: str,
        lease_s: float,
        fingerprint: str | None = None,
        large: bool = False,
        receipt: str | None = None,
    ) -> StageRun:
        """Take the lease on a stage run.

        Args:
            upload: of which video.
            stage: which stage.
            event_id: what asked for it.
            lease_s: how long it is ours unless a heartbeat extends it.
            fingerprint: of the result that is wanted, where that is known.
            large: it is asked for by a lane for large jobs.
            receipt: names the delivery of the message that asks.

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
                raise Busy(left, large=same.large)
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
            history=same.history if same else [],
            tried=fingerprint,
            large=large,
            receipt=receipt,
        )
        fields = claimed.model_dump(
            mode="json",
            exclude={"lease_until", "result", "result_revision", "finished_at", "error"},
        )
        try:
            self._table.update(
                upload.video_id,
                sort_key(stage, self._kind),
                set=fields | _lease(upload.video_id, claimed.lease_until or 0),
                remove=("error", "finished_at", *_FAILED),
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
        self._table.put(video_id, _result_key(run.stage, result.fingerprint), _fields(result))
        self._hold(
            video_id,
            run,
            _succeeded(run, result) | {"history": _came_from(run, result)},
            remove=("lease_until", "lease_shard", "error"),
        )

    def promote(
        self, video_id: str, run: StageRun, result: StageResult, *, history: list[str] | None = None
    ) -> None:
        """Make a stored result the current one, with nothing computed.

        Args:
            video_id: whose.
            run: the run as it was read; it must be terminal.
            result: a stored result of this content.
            history: the ways back from there; by default the one that is current now is the first.

        It moves the fencing token as a claim does: of two promotions at once one wins.

        Raises:
            LeaseLost: the run is being worked on, or was touched since it was read.
        """
        if run.state not in TERMINAL:
            raise LeaseLost
        back = _came_from(run, result) if history is None else history
        try:
            self._table.update(
                video_id,
                sort_key(run.stage, self._kind),
                set=_succeeded(run, result) | {"history": back, "attempt": run.attempt + 1},
                remove=("error", "event_id", *_FAILED),
                **_unchanged(run),
            )
        except ConditionFailed as failed:
            raise LeaseLost from failed

    def undo_promotion(self, video_id: str, run: StageRun) -> None:
        """Make a run that was promoted again what it was when it was read.

        Raises:
            LeaseLost: it was touched since.
        """
        promoted = run.model_copy(update={"attempt": run.attempt + 1})
        fields = run.model_dump(mode="json", include=_PROMOTED) | {"attempt": run.attempt + 2}
        if run.finished_at:
            fields |= self._failure(video_id, run.error, iso(run.finished_at))
        try:
            self._table.update(
                video_id,
                sort_key(run.stage, self._kind),
                set=fields,
                **_unchanged(promoted),
            )
        except ConditionFailed as failed:
            raise LeaseLost from failed

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
        fields = self._ended(video_id, state, error)
        self._hold(video_id, run, fields, remove=("lease_until", "lease_shard"))

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
        for key in overdue(self._table, before=before):
            kind, _, stage = key["sk"].partition("#")
            if kind != self._kind:
                continue
            run = self.get(key["pk"], stage)
            # The index may not have heard yet of what the run was heard of.
            if run and run.lease_until is not None and run.lease_until < before:
                yield key["pk"], run

    def failed(self, failure_class: FailureClass, *, before: str | None = None) -> Iterator[str]:
        """Places of the runs that ended by a failure of this class, the latest first.

        A place is ``{moment}#{video_id}``.

        Args:
            failure_class: which.
            before: start after this place.
        """
        condition = partition("failed_as", failure_class, sort="failed_order", below=before)
        last = None
        for item in self._table.query(
            IndexName="failures",
            KeyConditionExpression=condition,
            ScanIndexForward=False,
            ProjectionExpression="failed_order",
        ):
            # Several stages of one video may have failed within a millisecond.
            if item["failed_order"] != last:
                last = item["failed_order"]
                yield last

    def bury(self, video_id: str, run: StageRun, error: VideodropError) -> None:
        """Fail a run that nobody works on any more.

        It forgets its event: should the message turn up after all, it is no repetition.

        Raises:
            LeaseLost: it was heard of after all.
        """
        try:
            self._table.update(
                video_id,
                sort_key(run.stage, self._kind),
                set=self._ended(video_id, "failed", error),
                remove=("lease_until", "lease_shard", "event_id"),
                **_unchanged(run),
            )
        except ConditionFailed as failed:
            raise LeaseLost from failed

    def result(self, video_id: str, stage: str, fingerprint: str) -> StageResult | None:
        """A stored result of this video, current or not."""
        item = self._table.get(video_id, _result_key(stage, fingerprint))
        return None if item is None else StageResult.model_validate(item)

    def results(self, video_id: str, stage: str | None = None) -> list[StageResult]:
        """All stored results of a video, or of one stage of it, current or not, oldest first."""
        prefix = _result_key(stage, "") if stage else "result#"
        rows = self._table.query(
            KeyConditionExpression=partition("pk", video_id, prefix=prefix),
            ConsistentRead=True,
        )
        found = [StageResult.model_validate(row) for row in rows]
        return sorted(found, key=lambda result: result.finished_at)

    def stored(self, wanted: list[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
        """Which of these (video id, stage, fingerprint) have a stored result."""
        keys = {(vid, _result_key(stage, fp)): (vid, stage, fp) for vid, stage, fp in wanted}
        found = self._table.get_many(list(keys), only=("pk", "sk"))
        return {keys[item["pk"], item["sk"]] for item in found}

    def forget(self, video_id: str, result: StageResult) -> None:
        """Remove a stored result from the record; its files are the caller's to remove."""
        key = _result_key(result.stage, result.fingerprint)
        self._table.write(deletes=[{"pk": video_id, "sk": key}])

    def restore(self, video_id: str, result: StageResult) -> None:
        """Put a stored result back: it became current while it was being forgotten."""
        self._table.put(video_id, _result_key(result.stage, result.fingerprint), _fields(result))

    def _ended(self, video_id: str, state: str, error: VideodropError | None) -> dict[str, Any]:
        moment = iso(datetime.now(UTC))
        fields = {
            "state": state,
            "error": Failure.of(error).model_dump() if error else None,
            "tries": 0,
            "finished_at": moment,
        }
        return fields | self._failure(video_id, error, moment)

    def _failure(
        self, video_id: str, error: VideodropError | Failure | None, moment: str
    ) -> dict[str, str]:
        """What the index of failures is told: it is people's, and shadows are not."""
        if error is None or self._kind != "stage":
            return {}
        return {"failed_as": error.failure_class, "failed_order": f"{moment}#{video_id}"}

    def _hold(
        self, video_id: str, run: StageRun, fields: dict[str, Any], remove: tuple[str, ...] = ()
    ) -> None:
        """Write on condition that ``run`` still holds the lease it claimed."""
        try:
            self._table.update(
                video_id,
                sort_key(run.stage, self._kind),
                set=fields,
                remove=remove,
                condition="#attempt = :attempt AND #state = :running",
                given={"attempt": run.attempt, "running": "running"},
            )
        except ConditionFailed as error:
            raise LeaseLost from error


def overdue(
    table: Table, *, before: float, shards: Iterable[str] = _SHARDS
) -> Iterator[dict[str, Any]]:
    """Keys of items of any kind in ``shards`` with a lease that ended earlier than ``before``.

    As the index knows it, which is a moment late.
    """
    for shard in shards:
        condition = partition("lease_shard", shard, sort="lease_until", below=epoch_key(before))
        yield from table.query(IndexName="leases", KeyConditionExpression=condition)


def _result_key(stage: str, fingerprint: str) -> str:
    return f"result#{stage}#{fingerprint}"


def _fields(result: StageResult) -> dict[str, Any]:
    return result.model_dump(mode="json")


def _succeeded(run: StageRun, result: StageResult) -> dict[str, Any]:
    """What a run says once ``result`` is current: the times are those of the result."""
    fields = _fields(result)
    return {
        "state": "succeeded",
        "result": fields,
        "result_revision": run.revision,
        "progress": 100,
        "tries": 0,
        **{name: fields[name] for name in ("queued_at", "started_at", "finished_at")},
    }


def _came_from(run: StageRun, result: StageResult) -> list[str]:
    """The history of a run whose current result gives way to ``result``: the way back is exact."""
    last = run.current_result
    left = [last.fingerprint] if last and last.fingerprint != result.fingerprint else []
    return [*run.history, *left][-_HISTORY:]


def _lease(video_id: str, until: float) -> dict[str, str]:
    # A video id is random hexadecimal: its first digit spreads the index over 16 partitions.
    return {"lease_until": epoch_key(until), "lease_shard": video_id[0]}


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
