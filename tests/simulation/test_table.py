"""The table of the simulation, held against moto's with the same random requests.

A simulation proves nothing if its table differs from DynamoDB.
"""

import random
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from pipeline.aws.catalog.table import ConditionFailed, Table, partition
from pipeline.core.topology import Names, Topology
from tests.conftest import make_table
from tests.simulation.table import FakeTable, Rows

_STEPS = 150
_CONDITIONS = (
    None,
    "attribute_not_exists(#pk)",
    "attribute_exists(#deleted_at)",
    "attribute_not_exists(#pk) OR #sequencer < :text",
    (
        "attribute_not_exists(#pk) OR #sequencer < :text "
        "OR (#sequencer = :text AND attribute_not_exists(#deleted_at))"
    ),
    "#attempt = :number AND #state = :word",
    "#attempt = :number",
    "#sequencer = :text AND attribute_not_exists(#attempt) AND #lease_until = :text",
    "NOT (#state IN (:word, :text)) AND #attempt = :number",
    "attribute_not_exists(#lease_until) OR #lease_until < :text",
    "#attempt < :number",
    "#attempt > :number",
)
_NAMES = ("deleted_at", "sequencer", "attempt", "state", "lease_until", "lease_shard", "nested")


class Requests:
    """Random requests, the same to two tables."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a seed gives the same requests

    def one(self) -> Callable[[Table], Any]:
        """Return a request."""
        kinds = (self._update, self._update, self._update, self._write, self._put, self._member)
        kinds += (self._get, self._page, self._page, self._many, self._take, self._delete)
        return self._random.choice(kinds)()

    def _key(self) -> tuple[str, str]:
        return self._random.choice("ab"), self._random.choice(("r#1", "r#2", "s#1", "video"))

    def _value(self, name: str) -> Any:
        choice = self._random.choice
        if name == "attempt":
            return choice((0, 1, 2, 2.5))
        if name == "nested":
            return choice(({"inner": {"a": 1}, "list": [1, "x"]}, {"inner": None}, "text"))
        return choice(("1", "2", "running", "pending"))

    def _fields(self, most: int = 4) -> dict[str, Any]:
        chosen = self._random.sample(_NAMES, self._random.randint(0, most))
        return {name: self._value(name) for name in chosen}

    def _condition(self, some: tuple[str | None, ...] = _CONDITIONS) -> dict[str, Any]:
        condition = self._random.choice(some)
        values = {"text": self._value("state"), "word": self._value("state")}
        values["number"] = self._value("attempt")
        used = {name: one for name, one in values.items() if f":{name}" in (condition or "")}
        return {"condition": condition, "given": used}

    def _update(self) -> Callable[[Table], Any]:
        key, fields, condition = self._key(), self._fields(), self._condition()
        remove = sorted(set(self._fields()) - fields.keys())
        if not fields and not remove:
            remove = ["state"]
        former = self._random.random() < 0.5
        given = {"set": fields, "remove": remove, **condition, "former": former}
        return lambda table: table.update(*key, **given)

    def _member(self) -> Callable[[Table], Any]:
        key, member, condition = self._key(), self._random.choice("xyz"), self._condition()
        if condition["condition"] is None:
            return lambda table: table.add_to_set(*key, "ended", member)
        fields = {"rounds": 0}
        return lambda table: table.add_member(
            *key, name="ended", member=member, set=fields, **condition
        )

    def _take(self) -> Callable[[Table], Any]:
        key, member = self._key(), self._random.choice("xyz")
        return lambda table: table.take_from_set(*key, "ended", member)

    def _delete(self) -> Callable[[Table], Any]:
        key, condition = self._key(), self._condition(_CONDITIONS[1:])
        return lambda table: table.delete(*key, **condition)

    def _put(self) -> Callable[[Table], Any]:
        key, fields = self._key(), self._fields()
        return lambda table: table.put(*key, fields)

    def _write(self) -> Callable[[Table], Any]:
        keys = list({self._key() for _ in range(3)})
        puts = [{"pk": pk, "sk": sk, **self._fields(), "page": b"\0x"} for pk, sk in keys[:1]]
        deletes = [{"pk": pk, "sk": sk} for pk, sk in keys[1:]]
        return lambda table: table.write(puts=puts, deletes=deletes)

    def _get(self) -> Callable[[Table], Any]:
        key = self._key()
        return lambda table: table.get(*key)

    def _many(self) -> Callable[[Table], Any]:
        keys = list({self._key() for _ in range(4)})
        only = self._random.choice(((), ("pk", "sk"), ("pk", "sk", "nested.inner", "state")))

        def many(table: Table) -> Any:
            return sorted(table.get_many(keys, only=only), key=lambda one: (one["pk"], one["sk"]))

        return many

    def _page(self) -> Callable[[Table], Any]:
        sort = self._random.choice(
            ({}, {"prefix": "r#"}, {"between": ("r#2", "s#9")}, {"below": "s#1"}, {"above": "r#1"})
        )
        forward = self._random.random() < 0.5
        if self._random.random() < 0.3:
            condition = partition("lease_shard", self._value("state"), sort="lease_until")
            return lambda table: list(
                table.query(IndexName="leases", KeyConditionExpression=condition)
            )
        limit = self._random.choice(({}, {"limit": 1}, {"limit": 2}))
        condition = partition("pk", self._key()[0], **sort)

        def walk(table: Table) -> Any:
            return list(
                table.query(
                    KeyConditionExpression=condition,
                    ConsistentRead=True,
                    ScanIndexForward=forward,
                    **limit,
                )
            )

        return walk


def answer(request: Callable[[Table], Any], table: Table) -> Any:
    """Return what a request gives, or the name of its error."""
    try:
        return request(table)
    except ConditionFailed:
        return "ConditionFailed"
    except ClientError as error:
        return error.response["Error"]["Code"]


@pytest.fixture
def motos(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    topology = Topology.read()
    installation: Any = SimpleNamespace(topology=topology, names=Names("sim", topology))
    with mock_aws():
        make_table(installation)
        yield Table(boto3.resource("dynamodb").Table("sim"))


@pytest.mark.parametrize("seed", range(4))
def test_the_table_answers_as_motos_does(motos: Table, seed: int):
    spec = Topology.read().table
    rows = Rows({name: (one.hash_key, one.range_key) for name, one in spec.indexes.items()})
    ours = Table(FakeTable(rows, lambda _, effect, *__, **___: effect()))
    requests = Requests(seed)
    for step in range(_STEPS):
        request = requests.one()
        expected = answer(request, motos)
        assert answer(request, ours) == expected, f"step {step}"
