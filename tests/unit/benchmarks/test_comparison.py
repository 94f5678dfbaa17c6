"""Benchmarks report medians, and miss a bar when it is missed."""

import xml.etree.ElementTree as ET

import pytest

from benchmarks import chart, page, results
from benchmarks.comparison import OURS, Bar, Comparison, Outcome, difference, own, ratio, spread
from benchmarks.inputs import Input

OTHER = "by <hand>"


def outcome(*bars: Bar, rounds=((2.0, 8.0), (4.0, 8.0), (2.0, 2.0))) -> Outcome:
    comparison = Comparison("speech, talking", Input("talking", 20), {}, bars)
    each = [{OURS: {"cpu_s": ours}, OTHER: {"cpu_s": other}} for ours, other in rounds]
    return Outcome(comparison, each)


def report(found: Outcome) -> dict:
    head = {"date": "2026-01-01", "commit": "abc", "host": {"cores": 2, "cpu": "x"}}
    head["host"] |= {"memory_gb": 4, "python": "3"}
    head |= {"packages": {"numpy": "2"}, "choices": {"threads": 1, "seconds": 20}}
    return head | {"comparisons": {found.comparison.name: found.report()}}


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    (bar,) = outcome(Bar("ratio", ratio(OTHER), least=2.0)).report()["bars"]
    assert bar["value"]["median"] == 2.0
    assert bar["passed"]


@pytest.mark.parametrize(
    ("bar", "passed"),
    [
        (Bar("x", ratio(OTHER), least=2.1), False),
        (Bar("x", ratio(OTHER), most=1.9), False),
        (Bar("x", own("cpu_s"), most=2.0), True),
        (Bar("x", difference(OTHER, OURS, "cpu_s"), most=4.0), True),
        (Bar("x", difference(OTHER, OURS, "cpu_s"), most=3.9), False),
    ],
)
def test_a_bar_is_met_up_to_its_limit(bar: Bar, passed):
    assert outcome(bar).report()["bars"][0]["passed"] is passed


def test_a_bar_whose_candidate_did_not_run_is_not_measured():
    (bar,) = outcome(Bar("x", ratio("missing"), least=1)).report()["bars"]
    assert bar["value"] is None
    assert bar["passed"] is None


def test_a_bar_that_is_not_measured_counts_as_missed():
    found = outcome(Bar("limited", ratio("missing"), least=1), Bar("shown", ratio("missing")))
    assert results.missed(report(found)) == ["speech, talking: limited"]


def test_missed_bars_are_named():
    found = outcome(Bar("slow", ratio(OTHER), least=9), Bar("fine", ratio(OTHER), least=1))
    assert results.missed(report(found)) == ["speech, talking: slow"]


def test_quartiles_surround_the_median():
    assert spread([1, 2, 3, 4, 5]) == {"median": 3, "low": 2, "high": 4}
    assert spread([7]) == {"median": 7, "low": 7, "high": 7}


def test_the_chart_is_xml_with_a_bar_for_each_candidate():
    root = ET.fromstring(chart.svg(report(outcome())))  # noqa: S314 - our own text
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 2


def test_the_page_keeps_what_is_around_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "CHART", tmp_path / "chart.svg")
    file = tmp_path / "page.md"
    file.write_text(f"before\n{page._BEGIN}\nold\n{page._END}\nafter\n")
    page.write(report(outcome(Bar("ratio", ratio(OTHER), least=3.0))), file)
    text = file.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| speech, talking | ratio | ≥ 3 | 2 | **missed** |" in text


def test_the_history_has_medians_and_bars(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "HISTORY", tmp_path)
    text = results.record(report(outcome(Bar("ratio", ratio(OTHER), least=3.0)))).read_text()
    assert '"cpu_s": 2.0' in text
    assert '"passed": false' in text


def test_the_page_in_the_repository_has_a_place_for_the_table():
    text = page.PAGE.read_text(encoding="utf-8")
    assert text.index(page._BEGIN) < text.index(page._END)
