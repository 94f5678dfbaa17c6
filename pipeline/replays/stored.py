"""The reads of replays, which are items of the catalog's table."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pipeline.aws.catalog.table import Table, partition
from pipeline.core.errors import NotFound
from pipeline.replays.records import Replay

PK = "#replays"
_LOOKED_AT = 50  # replays that are read at once; as many of the latest show which are driven


class Stored:
    """The recorded replays.

    Args:
        table: the catalog's table, with one item a replay.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, replay_id: str) -> Replay | None:
        """Read one replay consistently."""
        item = self._table.get(PK, replay_id)
        return None if item is None else replay_of(item)

    def newest(self, *, before: str | None = None, at_once: int = _LOOKED_AT) -> Iterator[Replay]:
        """Yield replays, newest first, after that of the id ``before``; each call reads some."""
        yield from map(replay_of, self._items(before, at_once))

    def driven(self) -> set[str]:
        """Return the ids of the latest replays that a driver works on now."""
        now = time.time()
        latest = islice(self._items(None, _LOOKED_AT), _LOOKED_AT)
        return {item["sk"] for item in latest if item.get("driver_until", 0) > now}

    def known(self, replay_id: str) -> Replay:
        """Read one replay that has to exist.

        Raises:
            NotFound: ``unknown_replay``.
        """
        replay = self.get(replay_id)
        if replay is None:
            raise NotFound("unknown_replay", f"There is no replay {replay_id}.")
        return replay

    def _items(self, before: str | None, at_once: int) -> Iterator[dict[str, Any]]:
        return self._table.query(
            KeyConditionExpression=partition("pk", PK, below=before),
            ScanIndexForward=False,
            ConsistentRead=True,
            limit=at_once,
        )


def replay_of(item: dict[str, Any]) -> Replay:
    """Return a replay from its item."""
    return Replay.model_validate(item)
