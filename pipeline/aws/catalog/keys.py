"""Secret keys that all hosts of an installation share, made by whoever needs one first.

They lie beside the records that they guard: who may read one may read the other anyway.
"""

import secrets
from contextlib import suppress

from pipeline.aws.catalog.table import ConditionFailed, Table

_PK = "#keys"
_BYTES = 32


class Keys:
    """The keys in the catalog's table.

    Args:
        table: where.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> bytes:
        """The key of this name: 32 random bytes, the same for whoever asks from then on."""
        while (item := self._table.get(_PK, name)) is None:
            # Of two that make it at once, the second reads what the first has written.
            with suppress(ConditionFailed):
                self._table.update(
                    _PK,
                    name,
                    set={"key": secrets.token_hex(_BYTES)},
                    condition="attribute_not_exists(#pk)",
                )
        return bytes.fromhex(item["key"])
