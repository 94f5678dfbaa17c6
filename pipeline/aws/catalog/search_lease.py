"""The lease of the process that merges the search index, and the number of blocks.

It is longer than the process works, and than AWS accepts a signed request. So a process that was
paused writes nothing into blocks of the next one.
"""

import time
from collections.abc import Iterable, Mapping
from secrets import token_hex
from typing import Any

from pipeline.aws.catalog.search_rows import RECENT, STATE
from pipeline.aws.catalog.table import ConditionFailed, Table, epoch_key

_LEASE_S, _WORK_S = 600.0, 120.0


class Late(Exception):
    """The lease is about to end: the rest is left to the next process."""


class MergeLease:
    """The lease on merging.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._until = 0.0
        self._token = ""

    def take(self) -> bool:
        """Take the lease; return False if another process has it."""
        now = time.time()
        self._until = now + _WORK_S
        self._token = f"{epoch_key(now + _LEASE_S)} {token_hex(4)}"
        free = "attribute_not_exists(#held_until) OR #held_until < :now"
        return self._write({"held_until": self._token}, free, {"now": epoch_key(now)})

    def check(self) -> None:
        """Check that there is time for another request.

        Raises:
            Late: there is none.
        """
        if time.time() > self._until:
            raise Late

    def end_block(self, number: int, languages: Iterable[str]) -> bool:
        """Add a block, which searches read from now on; return False if the lease is lost."""
        former = "#blocks = :number" if number else "attribute_not_exists(#blocks)"
        return self._write(
            {"blocks": number + 1, "languages": sorted(languages)},
            f"#held_until = :token AND {former}",
            {"token": self._token, **({"number": number} if number else {})},
        )

    def give_back(self) -> None:
        """End the lease."""
        given = {"token": self._token}
        self._write({"held_until": epoch_key(0)}, "#held_until = :token", given)

    def _write(self, fields: dict[str, Any], condition: str, given: Mapping[str, Any]) -> bool:
        try:
            self._table.update(RECENT, STATE, set=fields, condition=condition, given=given)
        except ConditionFailed:
            return False
        return True
