"""The log of events: readers that continue from a position miss none."""

import itertools
from datetime import UTC, datetime

import pytest

from pipeline.aws.catalog.event_log import EventLog
from pipeline.core import outgoing
from pipeline.core.outgoing import Outgoing
from pipeline.core.topology import Topology
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.query import upload


@pytest.fixture
def table() -> MemoryTable:
    return MemoryTable(Topology.read(), Faults())


def event(number: int) -> Outgoing:
    return outgoing.video_uploaded(upload(number))


def test_events_come_in_the_order_of_their_positions(table):
    log = EventLog(table)
    first, *_, last = [log.append(event(number)) for number in range(5)]
    assert log.last() == last == first + 4
    assert [one.event.id for one in log.after(first + 1)] == [event(n).id for n in (2, 3, 4)]
    assert log.after(last) == []
    assert len(log.after(0, limit=2)) == 2


def test_a_copy_of_an_event_is_logged_once(table):
    log = EventLog(table)
    positions = [log.append(event(number)) for number in (1, 2, 1)]
    assert positions[0] == positions[2]
    assert len(log.after(0)) == 2


def test_a_copy_is_recognised_after_many_others_and_after_a_death(table):
    log = EventLog(table)
    first = log.append(event(0))
    for number in range(1, 30):
        log.append(event(number))
    assert log.append(event(0)) == first
    last = log.last()
    del table.items[f"#event#{event(29).id}", "position"]  # its writer died before it
    assert log.append(event(29)) == last == log.last()


def test_an_event_of_another_writer_is_not_overwritten(table, monkeypatch):
    """Both writers have read the same end of the log."""
    log, other = EventLog(table), EventLog(table)
    log.append(event(0))
    look, between = EventLog._newest, itertools.count()

    def read(self: EventLog, count: int):
        found = look(self, count)
        if self is log and next(between) == 0:
            other.append(event(1))
        return found

    monkeypatch.setattr(EventLog, "_newest", read)
    log.append(event(2))
    assert [one.event.id for one in log.after(0)] == [event(n).id for n in range(3)]


def test_positions_do_not_begin_again_once_all_events_have_expired(table, monkeypatch):
    log = EventLog(table)
    seen = [log.append(event(number)) for number in range(3)][-1]
    table.items.clear()
    later = datetime.now(UTC).timestamp() + 15 * 86400
    monkeypatch.setattr("pipeline.aws.catalog.event_log.time.time", lambda: later)
    log.append(event(3))
    assert [one.event.id for one in log.after(seen)] == [event(3).id]


def test_a_follower_gets_what_comes_after_it_began(table, monkeypatch):
    log = EventLog(table)
    log.append(event(0))
    monkeypatch.setattr(
        "pipeline.aws.catalog.event_log.time.sleep",
        lambda _: log.append(event(len(log.after(0)))),
    )
    found = list(itertools.islice(log.follow(), 2))
    assert [one.event.id for one in found] == [event(1).id, event(2).id]
