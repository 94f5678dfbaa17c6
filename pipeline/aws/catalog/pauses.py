"""The queues that people have paused: workers take no message from them."""

from pipeline.aws.catalog.table import Table, partition
from pipeline.core.topology import Lane

_PK = "#paused"


class Pauses:
    """The paused queues in the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> set[tuple[str, str]]:
        """Return stage and lane of each paused queue."""
        rows = self._table.query(KeyConditionExpression=partition("pk", _PK), ConsistentRead=True)
        return {(row["stage"], row["lane"]) for row in rows}

    def pause(self, stage: str, lane: Lane) -> None:
        """Pause a queue; a second call changes nothing."""
        self._table.put(_PK, f"{stage}#{lane}", {"stage": stage, "lane": lane})

    def resume(self, stage: str, lane: Lane) -> None:
        """Resume a queue."""
        self._table.write(deletes=[{"pk": _PK, "sk": f"{stage}#{lane}"}])
