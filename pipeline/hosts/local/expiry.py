"""The expiry of the items of tables: DynamoDB deletes them within days, moto never does."""

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table


def drop_expired(now: float) -> None:
    """Drop the items of all tables whose time to live has ended.

    Call it while no request is served. It is done again after a restart, so no record of it is
    needed.

    Args:
        now: epoch seconds.
    """
    for account, region, _ in dynamodb_backends.iter_backends():
        for table in dynamodb_backends[account][region].tables.values():
            if table.ttl["TimeToLiveStatus"] == "ENABLED" and table.range_key_attr:
                _drop(table, table.ttl["AttributeName"], now)


def _drop(table: Table, attribute: str, now: float) -> None:
    for rows in table.items.values():
        for key in [key for key, item in rows.items() if _is_expired(item, attribute, now)]:
            del rows[key]


def _is_expired(item: Item, attribute: str, now: float) -> bool:
    until = item.attrs.get(attribute)
    return until is not None and until.is_number() and float(until.value) < now
