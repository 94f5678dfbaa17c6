"""Requests of a janitor's tick without work, compared with the bill."""

from unittest.mock import MagicMock

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.search_merge import Merge
from pipeline.aws.catalog.standing import Standings
from pipeline.aws.dead_letters import DeadLetterQueues
from pipeline.core.settings import Settings
from pipeline.costs import idle
from pipeline.replays.store import Replays
from pipeline.runs.janitor import Janitor
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.priced import TOPOLOGY


@pytest.mark.parametrize("stages", [[], ["transcode"], list(TOPOLOGY.stages)])
def test_a_tick_asks_as_often_as_the_bill_says(stages: list[str]):
    table = MemoryTable(TOPOLOGY, Faults())
    sqs, bus = MagicMock(), MagicMock()
    sqs.receive_message.return_value = {}
    janitor = Janitor(
        Catalog(table, stages),
        Replays(table, bus, bus="bus", spec=TOPOLOGY.replays).wake_overdue,
        DeadLetterQueues(sqs, Settings().names, stages).bodies,
        grace_s=0,
        merge_index=lambda: Merge(table, Standings(table, stages)).merge(within_s=1),
    )
    assert janitor.tidy() == 0
    assert len(table.queries) == idle.TICK_QUERIES
    assert len(sqs.method_calls) == idle.TICK_SQS_REQUESTS * len(stages)
    assert bus.method_calls == []
