"""The recorded replays in the catalog's table, and the event that wakes their driver."""

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from pipeline.aws import event_bus
from pipeline.aws.catalog.runs import overdue
from pipeline.aws.catalog.table import ConditionFailed, Table, epoch_key
from pipeline.core.errors import Busy, Conflict, LeaseLost
from pipeline.core.topology import ReplaysSpec
from pipeline.replays import budget
from pipeline.replays.records import OVER, Desired, Replay
from pipeline.replays.request import ReplayRequest
from pipeline.replays.stored import PK, Stored, replay_of

_CANCELLED = "#cancelled"  # tiny items: workers read one before each run that a replay requested
# Fields that the owner writes and the driver only reads.
_COUNTER = "wishes"
_OWNERS = ("request", "desired_state", "requests")
_REMEMBERED_S = 30 * 86400
# Replays are few: one partition of the index of leases is enough.
_SHARD = "0"
# How long a wake-up may take to arrive before the janitor sends another.
_WAKE_S = 60.0
_WAKE_AGAIN_S = 300.0


class Replays(Stored):
    """All replays of an installation.

    Args:
        table: the catalog's table, with one item a replay.
        events: a boto3 client for EventBridge.
        bus: name of the bus of our own events.
        spec: the event that wakes the driver.
        most_usd: the highest budget of a replay; None: any.
    """

    def __init__(
        self,
        table: Table,
        events: Any,
        *,
        bus: str,
        spec: ReplaysSpec,
        most_usd: float | None = None,
    ) -> None:
        super().__init__(table)
        self._events = events
        self._bus = bus
        self._spec = spec
        self._most_usd = most_usd

    # -- by its owner ----------------------------------------------------------------------------

    def start(self, request: ReplayRequest) -> Replay:
        """Record a replay and wake its driver, which first plans it.

        Raises:
            InvalidArgument: ``budget_above_limit``.
            DependencyFailed: ``event_refused``; the replay is recorded, and the janitor wakes its
                driver later.
        """
        request = budget.capped(request, self._most_usd)
        now = datetime.now(UTC)
        replay = Replay(
            # Sorts by time; the random end distinguishes two of one millisecond.
            replay_id=f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}-{secrets.token_hex(3)}",
            created_at=now,
            updated_at=now,
            request=request,
            desired_state="plan" if request.dry_run else "run",
        )
        fields = replay.model_dump(mode="json", by_alias=True)
        self._table.put(PK, replay.replay_id, fields | _watched())
        self.wake(replay)
        return replay

    def ask(self, replay_id: str, desired: Desired, *, budget_usd: float | None = None) -> Replay:
        """Request a state of a replay; its driver brings it about within seconds.

        Args:
            replay_id: its id.
            desired: ``run`` starts a planned one and resumes a paused one; ``cancel`` is final.
            budget_usd: a new budget.

        Raises:
            NotFound: ``unknown_replay``.
            InvalidArgument: ``budget_above_limit``; ``bad_budget``.
            Conflict: ``replay_over``: it has ended; ``over_budget``: its budget is too small.
        """
        replay = self.known(replay_id)
        # After a cancel, workers may have dropped its requests already.
        if replay.state in OVER or (replay.desired_state == "cancel" and desired != "cancel"):
            state = replay.state if replay.state in OVER else "cancelled"
            raise Conflict("replay_over", f"Replay {replay_id} is {state}: start another one.")
        request = replay.request
        if budget_usd is not None:
            request = budget.changed(request, budget_usd)
        if desired == "run":
            request = budget.capped(request, self._most_usd)
            if why := budget.rejection(replay, request):
                raise Conflict("over_budget", why)
            request = request.model_copy(update={"dry_run": False})
        try:
            self._table.update(
                PK,
                replay_id,
                set={
                    "wish": desired,
                    _COUNTER: replay.requests + 1,
                    "request": request.model_dump(mode="json"),
                    # The janitor sends another wake-up if this one is lost.
                    **_watched(),
                },
                condition="NOT (#state IN (:finished, :cancelled, :failed)) "
                f"AND #{_COUNTER} = :{_COUNTER}",
                given={**{state: state for state in OVER}, _COUNTER: replay.requests},
            )
        except ConditionFailed:
            # It has just ended, or another state was requested.
            return self.ask(replay_id, desired, budget_usd=budget_usd)
        if desired == "cancel":
            self.drop(replay_id)
        replay = self.known(replay_id)
        self.wake(replay)
        return replay

    def drop(self, replay_id: str) -> None:
        """Have workers drop the runs that this replay requested and nobody has claimed yet."""
        until = int(time.time()) + _REMEMBERED_S
        self._table.update(_CANCELLED, replay_id, set={"expires_at": until})

    def cancelled(self, replay_id: str) -> bool:
        """Return True if workers are to drop the requests of this replay."""
        return self._table.get(_CANCELLED, replay_id) is not None

    # -- by its driver ---------------------------------------------------------------------------

    def wake(self, replay: Replay) -> None:
        """Send the event that wakes the driver of a replay.

        Args:
            replay: as it was read after the latest write that the driver needs.

        Raises:
            DependencyFailed: ``event_refused``.
        """
        event_bus.put(
            self._events,
            [
                {
                    "Source": self._spec.source,
                    "DetailType": self._spec.detail_type,
                    "Detail": json.dumps(
                        {"replay_id": replay.replay_id, "attempt": replay.attempt}
                    ),
                    "EventBusName": self._bus,
                }
            ],
        )

    def claim(self, replay_id: str, *, lease_s: float, after: int | None = None) -> Replay | None:
        """Take the driver's lease on a replay; return None if there is nothing to drive.

        Args:
            replay_id: its id.
            lease_s: seconds that the lease lasts.
            after: a later attempt than this means that the message is stale; None: never stale.

        Raises:
            Busy: another driver holds the lease.
        """
        item = self._table.get(PK, replay_id)
        if item is None:
            return None
        replay = replay_of(item)
        if replay.state in OVER or (after is not None and replay.attempt > after):
            return None
        now = datetime.now(UTC)
        if item.get("driver_until", 0) > now.timestamp():
            raise Busy(item["driver_until"] - now.timestamp())
        claimed = replay.model_copy(update={"attempt": replay.attempt + 1})
        try:
            self._update(claimed, replay.attempt, lease_s=lease_s, fields={"attempt"})
        except LeaseLost as error:
            raise Busy(1) from error
        # Read again: the previous driver may have written until this claim.
        return self.known(replay_id)

    def checkpoint(self, replay: Replay, *, lease_s: float) -> Replay:
        """Write a checkpoint, and extend the driver's lease by ``lease_s``.

        Returns:
            The replay with its owner's latest desired state and budget.

        Raises:
            LeaseLost: another driver took over; nothing was written.
        """
        kept = set(Replay.model_fields) - {"replay_id", "created_at", *_OWNERS}
        self._update(replay, replay.attempt, lease_s=lease_s, fields=kept)
        now = self.known(replay.replay_id)
        return replay.model_copy(update={name: getattr(now, name) for name in _OWNERS})

    def leave(self, replay: Replay, *, at_rest: bool) -> bool:
        """Release the driver's lease after a last checkpoint.

        Args:
            replay: the replay.
            at_rest: True if nothing is to be done until its owner's next request. Otherwise the
                janitor wakes a driver if none comes.

        Returns:
            False if its owner has made a request meanwhile: the lease is kept.

        Raises:
            LeaseLost: another driver took over.
        """
        try:
            self._table.update(
                PK,
                replay.replay_id,
                set={"driver_until": 0, **({} if at_rest else _watched())},
                remove=("lease_until", "lease_shard") if at_rest else (),
                condition=f"#attempt = :attempt AND #{_COUNTER} = :{_COUNTER}",
                given={"attempt": replay.attempt, _COUNTER: replay.requests},
            )
        except ConditionFailed as error:
            if self.known(replay.replay_id).attempt != replay.attempt:
                raise LeaseLost from error
            return False
        return True

    def wake_overdue(self) -> int:
        """Wake a driver for each replay whose driver is overdue; return how many."""
        woken = 0
        for item in overdue(self._table, before=time.time(), shards=_SHARD):
            if item["pk"] != PK:
                continue
            key, seen, unchanged = (PK, item["sk"]), item["lease_until"], "#lease_until = :seen"
            try:
                # Postponed first: while no driver comes, one wake-up at a time is enough.
                again = _watched(_WAKE_AGAIN_S)
                self._table.update(*key, set=again, condition=unchanged, given={"seen": seen})
            except ConditionFailed:
                continue
            replay = self.known(item["sk"])
            if replay.state in OVER:  # its driver died after the last checkpoint
                self._table.update(PK, item["sk"], set={}, remove=tuple(_watched()))
                continue
            self.wake(replay)
            woken += 1
        return woken

    def _update(self, replay: Replay, attempt: int, *, lease_s: float, fields: set[str]) -> None:
        now = datetime.now(UTC)
        replay = replay.model_copy(update={"updated_at": now})
        try:
            self._table.update(
                PK,
                replay.replay_id,
                set=replay.model_dump(mode="json", by_alias=True, include=fields | {"updated_at"})
                | {"driver_until": now.timestamp() + lease_s, **_watched()},
                condition="#attempt = :attempt",
                given={"attempt": attempt},
            )
        except ConditionFailed as error:
            raise LeaseLost from error


def _watched(seconds: float = _WAKE_S) -> dict[str, str]:
    """Return the fields by which the janitor finds a replay whose wake-up or driver was lost."""
    return {"lease_until": epoch_key(time.time() + seconds), "lease_shard": _SHARD}
