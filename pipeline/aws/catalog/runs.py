"""Stage runs as they are read and claimed, with their leases and progress.

The lease is a conditional write that raises ``attempt`` and sets ``lease_until``. ``attempt`` is
the fencing token of every later write (``run_writes``).
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pipeline.aws.catalog.run_changes import RunChanges, unchanged
from pipeline.aws.catalog.run_writes import FAILED, SPREAD, sort_key
from pipeline.aws.catalog.table import AT_ONCE, ConditionFailed, Table, epoch_key, iso, partition
from pipeline.core.errors import Busy, FailureClass, Superseded
from pipeline.core.events import Upload
from pipeline.core.records import StageRun

_SHARDS = "0123456789abcdef"


class Runs(RunChanges):
    """The stage runs in the catalog's table."""

    def get(self, video_id: str, stage: str) -> StageRun | None:
        """Return the state of one stage."""
        item = self._table.get(video_id, sort_key(stage, self._kind))
        return None if item is None else StageRun.model_validate(item)

    def folder(self, attempt: int) -> str:
        """Return the folder of a run's files, below the fingerprint: no other run has it.

        Shadows count their attempts apart, so numbers alone would collide.
        """
        return f"{attempt}" if self._kind == "stage" else f"{self._kind}-{attempt}"

    def many(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], StageRun]:
        """Return the states of several (video id, stage), by these; unknown ones are left out."""
        keys = [(video_id, sort_key(stage, self._kind)) for video_id, stage in wanted]
        found = self._table.get_many(keys)
        return {(item["pk"], item["stage"]): StageRun.model_validate(item) for item in found}

    def queue(self, upload: Upload, stage: str, *, patience_s: float) -> None:
        """Mark a stage pending for ``upload``, unless a worker has claimed it.

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
                    **lease(upload.video_id, now.timestamp() + patience_s),
                },
                remove=(
                    "error",
                    "event_id",
                    "started_at",
                    "finished_at",
                    "tried",
                    "history",
                    "first_finished_at",
                    *FAILED,
                    *SPREAD,
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
        seen: StageRun | None,
        event_id: str,
        lease_s: float,
        deadline: float | None = None,
        fingerprint: str | None = None,
        receipt: str | None = None,
        over: bool = False,
        sent_at: float | None = None,
    ) -> StageRun:
        """Take the lease on a stage run.

        Args:
            upload: the revision.
            stage: which stage.
            seen: the run as it was read; None if there was none. The claim is conditional on it.
            event_id: of the event that requested it.
            lease_s: how long the lease lasts unless a heartbeat extends it.
            deadline: epoch seconds at which the host ends the run.
            fingerprint: of the result to make, if known.
            receipt: id of the message's delivery.
            over: also take over a run that is spread: its ranges can end no more then.
            sent_at: epoch seconds at which the message came into the queue, if known.

        Returns:
            The run as claimed; its ``attempt`` is the fencing token for every later write.

        Raises:
            Superseded: the stage already belongs to a later revision.
            Busy: another worker holds a live lease, or the run changed since it was read.
        """
        now = datetime.now(UTC)
        if seen and seen.sequencer > upload.sequencer:
            raise Superseded
        same = seen if seen and seen.revision == upload.revision else None
        if same and same.state == "running" and same.lease_until:
            left = same.lease_until - now.timestamp()
            if same.spread and not over:  # its lease does not tell whether somebody works on it
                raise Busy(max(1.0, left), spread=True)
            if left > 0 and not same.spread:
                raise Busy(left, longest_s=(same.deadline or 0.0) - now.timestamp())
        claimed = StageRun(
            stage=stage,
            state="running",
            revision=upload.revision,
            sequencer=upload.sequencer,
            attempt=(seen.attempt if seen else 0) + 1,
            tries=(same.tries if same and same.state in {"pending", "running"} else 0) + 1,
            lease_until=now.timestamp() + lease_s,
            deadline=deadline,
            event_id=event_id,
            queued_at=same.queued_at if same else _moment(sent_at) or now,
            started_at=now,
            result=seen.result if seen else None,
            result_revision=seen.result_revision if seen else None,
            history=same.history if same else [],
            first_finished_at=same.first_finish if same else None,
            tried=fingerprint,
            receipt=receipt,
        )
        fields = claimed.model_dump(
            mode="json",
            exclude={
                *("lease_until", "result", "result_revision", "finished_at", "error"),
                *SPREAD,
            },
        )
        unseen = {"condition": "attribute_not_exists(#pk)"}
        same_as_seen = unchanged(seen) if seen else unseen
        try:
            self._table.update(
                upload.video_id,
                sort_key(stage, self._kind),
                set=fields | lease(upload.video_id, claimed.lease_until or 0),
                remove=("error", "finished_at", *FAILED, *SPREAD),
                **same_as_seen,
            )
        except ConditionFailed as error:
            # If the answer of a first try was lost, boto3 repeats it, and the claim is ours.
            now_is = self.get(upload.video_id, stage)
            held = now_is and (now_is.attempt, now_is.receipt) == (claimed.attempt, receipt)
            if receipt is None or not held:
                raise Busy(1) from error
        return claimed

    def failed(
        self, failure_class: FailureClass, *, before: str | None = None, at_once: int = AT_ONCE
    ) -> Iterator[str]:
        """Yield the places of the runs that failed with this class, the latest first.

        A place is ``{moment}#{video_id}``.

        Args:
            failure_class: the class.
            before: start after this place.
            at_once: places that a call reads; few if few are taken.
        """
        condition = partition("failed_as", failure_class, sort="failed_order", below=before)
        last = None
        for item in self._table.query(
            IndexName="failures",
            KeyConditionExpression=condition,
            ScanIndexForward=False,
            ProjectionExpression="failed_order",
            limit=at_once,
        ):
            # Several stages of one video may have failed within a millisecond.
            if item["failed_order"] != last:
                last = item["failed_order"]
                yield last


def overdue(
    table: Table, *, before: float, shards: Iterable[str] = _SHARDS, at_once: int = AT_ONCE
) -> Iterator[dict[str, Any]]:
    """Yield keys of items of any kind in ``shards`` whose lease expired before ``before``.

    The index lags behind the items by a moment.

    Args:
        table: the catalog's table.
        before: epoch seconds.
        shards: the parts of the index to read.
        at_once: keys that a call reads; few if few are taken.
    """
    for shard in shards:
        condition = partition("lease_shard", shard, sort="lease_until", below=epoch_key(before))
        yield from table.query(IndexName="leases", KeyConditionExpression=condition, limit=at_once)


def lease(video_id: str, until: float) -> dict[str, str]:
    """Return the fields by which the index of leases finds an item of a video."""
    # A video id is random hexadecimal: its first digit spreads the index over 16 partitions.
    return {"lease_until": epoch_key(until), "lease_shard": video_id[0]}


def _moment(epoch_s: float | None) -> datetime | None:
    return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC)
