"""The log of our events, for readers that continue where they stopped.

    #events        {position}    an event, for two weeks
    #event#{id}    position      where it is, to recognise copies

Positions have no gaps: a writer puts an event right behind the last one, on condition that nobody
else has. So a reader that has seen a position has seen all before it.
"""

import time
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from pipeline.aws.catalog.table import ConditionFailed, Table, partition
from pipeline.core.outgoing import Outgoing

_PK = "#events"
_DIGITS = 16  # JavaScript's numbers are exact up to 9 * 10**15
_DAY_S, _A_DAY = 86400, 10**9
_RECENT = 10  # events among which is one whose writer died before it noted the position
KEPT = timedelta(days=14)


class Logged(BaseModel):
    """An event in the log."""

    model_config = ConfigDict(frozen=True)

    position: int
    event: Outgoing


class EventLog:
    """The log of events in the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def append(self, event: Outgoing) -> int:
        """Return the position of an event, after adding it if it is not a copy."""
        note = f"#event#{event.id}", "position"
        if known := self._table.get(*note):
            return int(known["position"])
        position = self._place(event)
        self._table.update(*note, set={"position": position, **_expiry()})
        return position

    def _place(self, event: Outgoing) -> int:
        """Put an event behind the last one, unless it is among the latest; return its position."""
        while True:
            recent = self._newest(_RECENT)
            for one in recent:
                if one.event.id == event.id:
                    return one.position
            # A log whose events have all expired must not begin at 1 again.
            empty = int(time.time()) // _DAY_S * _A_DAY
            position = 1 + (recent[0].position if recent else empty)
            fields = {"position": position, "event": event.model_dump(mode="json")}
            try:
                self._table.update(
                    _PK,
                    _sk(position),
                    set=fields | _expiry(),
                    condition="attribute_not_exists(#pk)",
                )
            except ConditionFailed:
                continue  # another writer was faster
            return position

    def after(self, position: int, *, limit: int = 100) -> list[Logged]:
        """Return the events after a position, the oldest first."""
        items, _ = self._table.page(
            KeyConditionExpression=partition("pk", _PK, between=(_sk(position + 1), "9" * _DIGITS)),
            ConsistentRead=True,
            limit=limit,
        )
        return [Logged.model_validate(item) for item in items]

    def last(self) -> int:
        """Return the position of the newest event; 0 if there is none."""
        newest = self._newest(1)
        return newest[0].position if newest else 0

    def follow(self, after: int | None = None, *, every_s: float = 1.0) -> Iterator[Logged]:
        """Yield events as they come, without end.

        Args:
            after: position after which to begin; by default the present end of the log.
            every_s: seconds between two looks.
        """
        position = self.last() if after is None else after
        while True:
            found = self.after(position)
            for one in found:
                position = one.position
                yield one
            if not found:
                time.sleep(every_s)

    def _newest(self, count: int) -> list[Logged]:
        items, _ = self._table.page(
            KeyConditionExpression=partition("pk", _PK),
            ConsistentRead=True,
            ScanIndexForward=False,
            limit=count,
        )
        return [Logged.model_validate(item) for item in items]


def _sk(position: int) -> str:
    return f"{position:0{_DIGITS}}"


def _expiry() -> dict[str, int]:
    return {"expires_at": int(time.time() + KEPT.total_seconds())}
