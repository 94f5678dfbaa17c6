"""The report of a simulation is complete, and its prices are those of the table."""

from dataclasses import replace

import pytest

from benchmarks.simulation import crowd, film, tables
from benchmarks.simulation.limits import ASSUMPTIONS, FACTS, RELAXED, Limits
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.scenario import Given
from benchmarks.simulation.usage import Usage
from benchmarks.simulation.work import SHAPES
from pipeline.core.topology import Topology
from pipeline.costs.run_price import Prices


def test_fair_queues_shorten_the_wait_of_clips():
    found = Given(Measured.read(), Topology.read(), Prices.read())
    fair, plain = crowd.behind_films(found)
    assert fair["clip_wait_s"]["p95"] < plain["clip_wait_s"]["p95"] / 3


def test_a_price_is_that_of_the_table():
    used = Usage(calls=1_000_000, sqs=2_000_000, fair=1_000_000, events=1_000_000)
    used.seconds[2048] = 1000.0
    used.puts, used.gets, used.writes, used.reads = 1000, 1000, 1e6, 1e6
    found = used.usd(Prices.read())
    assert found["Lambda"] == pytest.approx(2000 * 0.0000166667 + 0.20)
    assert found["S3 requests"] == pytest.approx(0.0054)
    assert found["DynamoDB"] == pytest.approx(0.75)
    assert found["SQS"] == pytest.approx(0.90)
    assert found["EventBridge"] == pytest.approx(1.0)


def test_the_lifted_limits_are_known_ones():
    for changes in RELAXED.values():
        assert replace(Limits(), **changes) != Limits()


def test_every_measured_value_says_how_it_was_measured():
    found = Measured.read()
    rows = [getattr(found.calls, name) for name in type(found.calls).model_fields]
    for one in found.stages.values():
        rows += [getattr(one, name) for name in type(one).model_fields]
    assert all(row.how for row in rows)
    assert all(list(row.quantiles) == sorted(row.quantiles) for row in rows)
    assert set(found.stages) == set(SHAPES) == set(Topology.read().stages)


def test_the_report_has_every_part_and_its_sources(monkeypatch):
    monkeypatch.setattr(film, "_SEEDS", 1)
    found = Given(Measured.read(), Topology.read(), Prices.read())
    report = {
        "film": film.over_workers(found),
        "divisions": film.over_divisions(found),
        "limits": film.over_limits(found),
        "lengths": film.over_lengths(found),
        "uploads": crowd.at_a_rate(found, 50),
        "overload": crowd.over_limits(found, 20),
        "fair": crowd.behind_films(found),
        "facts": [fact._asdict() for fact in FACTS],
        "assumptions": ASSUMPTIONS,
        "measured": found.measured.model_dump(),
    }
    report["bars"] = report["film"]["bars"]
    text = tables.markdown(report)
    titles = (
        "A film of 3 hours",
        "if it were divided otherwise",
        "Length of a range",
        "50 uploads at the rate of 100,000 a day",
        "20 uploads within a minute",
        "Clips of 30 s behind 3 films",
    )
    assert all(title in text for title in titles)
    assert all(fact.source in text for fact in FACTS)
    assert "nan" not in text
