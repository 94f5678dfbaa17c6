"""Secret keys that all hosts of an installation share, made when first needed.

They are stored with the records that they protect: the same permission reads both.
"""

import secrets
from contextlib import suppress

from pipeline.aws.catalog.table import ConditionFailed, Table

_PK = "#keys"
_BYTES = 32


class Keys:
    """The secret keys in the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> bytes:
        """Return the key of this name, 32 random bytes; make it if it is missing."""
        while (item := self._table.get(_PK, name)) is None:
            # If two hosts make it at once, the second one reads the first one's key.
            with suppress(ConditionFailed):
                self._table.update(
                    _PK,
                    name,
                    set={"key": secrets.token_hex(_BYTES)},
                    condition="attribute_not_exists(#pk)",
                )
        return bytes.fromhex(item["key"])
