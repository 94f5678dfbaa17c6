"""Paid GPU hosts, compared with figures computed by hand."""

import re
from pathlib import Path

import pytest

from pipeline.costs import hosts as played
from pipeline.costs import installation as infra
from pipeline.costs.hosts import hosts

DAY_S = 86_400
HOUR_S = 3600
# Paid for each start of a host, whatever it does.
AROUND_S = infra.HOST_BOOT_S + infra.IDLE_S + infra.HOST_KEPT_S


def paid(a_day: float, seconds: float, gather_s: int = 0) -> float:
    """Return the paid time as a multiple of the time at work."""
    arrivals = a_day / DAY_S
    return hosts(arrivals, seconds, gather_s) / (arrivals * seconds)


def test_a_run_of_its_own_pays_for_a_host_that_starts_and_ends():
    assert paid(1, 60) == pytest.approx((60 + AROUND_S) / 60, rel=0.02)


def test_a_run_that_comes_while_a_host_is_kept_pays_for_no_start():
    (few, many) = (paid(a_day, 60) for a_day in (24, 300))
    assert many < few / 2


def test_a_run_that_comes_while_a_host_is_idle_begins_at_once():
    events = played._Events(1 / HOUR_S, 60, 0)
    idle = played._Host(paid_from=0, since=0, state="idle")
    events._hosts.append(idle)
    events._arrive(5)
    assert (idle.state, events._waiting) == ("working", 0)


def test_messages_that_are_gathered_share_a_host():
    assert paid(24, 60) == pytest.approx(8.4, abs=0.2)
    assert paid(24, 60, 12 * HOUR_S) <= 2
    # Two hosts of twelve runs or so a day.
    assert paid(24, 60, 24 * HOUR_S) == pytest.approx(1 + 1.8 * AROUND_S / (24 * 60), rel=0.1)


def test_a_busy_pool_pays_for_little_more_than_its_work():
    assert paid(3000, 60) < 1.3
    assert paid(300, 600) < 1.3


def test_no_more_hosts_are_paid_for_than_there_may_be(monkeypatch: pytest.MonkeyPatch):
    assert hosts(5000 / DAY_S, 60) <= infra.MAX_HOSTS
    monkeypatch.setattr(infra, "MAX_HOSTS", 1)
    assert hosts.__wrapped__(1000 / DAY_S, 60) <= 1


def test_there_are_never_fewer_hosts_than_are_at_work():
    assert hosts(1, 60) == 60
    assert hosts(1e-4, 3.5e4) >= 3.5


def test_a_simulation_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(played, "_MOST_RUNS", 20)
    events = played._Events(1.0, 1, 0)
    events.average()
    assert events._runs == 20


def test_the_same_question_has_the_same_answer():
    asked = (123 / 86400, 45.0)
    assert hosts.__wrapped__(*asked) == hosts.__wrapped__(*asked)


def test_no_videos_need_no_hosts():
    assert hosts(0, 60) == 0


def test_the_documentation_has_these_figures():
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "deploy.md").read_text()
    minutes, figures = (
        re.findall(r"[\d.]+", re.findall(rf"^\| {row} \|(.*)$", page, re.MULTILINE)[0])
        for row in ("`gather_minutes`", "paid")
    )
    found = [f"{paid(24, 60, int(one) * 60):.1f}" for one in minutes]
    assert found == figures
