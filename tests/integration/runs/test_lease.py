"""The heartbeat thread: it extends lease and message, writes progress and detects a takeover."""

import threading
import time
from contextvars import ContextVar
from itertools import pairwise
from types import SimpleNamespace

import pytest

from pipeline.core.errors import LeaseLost, TimedOut
from pipeline.core.records import StageRun
from pipeline.runs import heartbeat
from pipeline.runs.claimed import ClaimedRun
from pipeline.runs.delivery import Delivery
from pipeline.runs.heartbeat import Lease
from tests.fakes.claims import claim_run
from tests.fakes.rig import Rig, upload_of

WAIT_S = 120.0  # far more than any heartbeat here takes


class Extensions:
    """Counts extensions of a message's visibility and lets a test wait for the next."""

    def __init__(self) -> None:
        self.seconds: list[int] = []
        self._came = threading.Condition()

    def __call__(self, seconds: int) -> None:
        with self._came:
            self.seconds.append(seconds)
            self._came.notify_all()

    def wait_for(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.seconds) >= count, WAIT_S)


@pytest.fixture
def body(rig: Rig) -> str:
    body = rig.put()
    rig.catalog.record_upload(upload_of(body), patience_s=3600)
    return body


def claimed(rig: Rig, body: str, lease_s: float = 0.5) -> StageRun:
    return claim_run(rig.catalog.runs, upload_of(body), "toy", event_id="e", lease_s=lease_s)


def lease(
    rig: Rig,
    body: str,
    run: StageRun,
    extend: Extensions,
    *,
    lease_s: float = 0.5,
    left: float = 60,
) -> Lease:
    vid = upload_of(body).video_id
    return Lease(
        ClaimedRun(rig.catalog, vid, run, shadow=False, settings=rig.config),
        lease_s=lease_s,
        extend=extend,
        seconds_left=left,
    )


def test_lease_and_message_are_extended_together_while_a_stage_is_silent(rig: Rig, body: str):
    extend, run = Extensions(), claimed(rig, body)
    with lease(rig, body, run, extend, lease_s=2):
        extend.wait_for(3)
    assert extend.seconds[:3] == [2, 2, 2]
    assert rig.state(body).lease_until > run.lease_until


@pytest.mark.parametrize(("redelivery_s", "extended"), [(60, []), (5400, [60])])
def test_a_message_that_is_hidden_as_long_as_its_lease_is_not_extended_at_once(
    rig: Rig, body: str, redelivery_s: int, extended: list[int]
):
    extend, run = Extensions(), claimed(rig, body, 60)
    settings = rig.config.model_copy(update={"lease_s": 60, "redelivery_s": redelivery_s})
    held = ClaimedRun(rig.catalog, upload_of(body).video_id, run, shadow=False, settings=settings)
    with heartbeat.lease(held, Delivery(60, extend), settings):
        pass
    assert extend.seconds == extended


def test_progress_is_written_while_a_stage_runs(rig: Rig, body: str):
    extend, run = Extensions(), claimed(rig, body)
    with lease(rig, body, run, extend) as report:
        report.part(0.5, 1.0)(0.5)
        extend.wait_for(3)
        assert rig.state(body).progress == 75


def test_progress_between_heartbeats_leaves_lease_and_message_alone(
    rig: Rig, body: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(heartbeat, "_TICK_S", 0.02)
    extend, run = Extensions(), claimed(rig, body, 60)
    with lease(rig, body, run, extend, lease_s=60) as report:
        report(0.5)
        end = time.monotonic() + WAIT_S
        while rig.state(body).progress != 50:
            assert time.monotonic() < end
    assert rig.state(body).lease_until == pytest.approx(run.lease_until, abs=0.001)
    assert extend.seconds == [60]


def test_a_lease_that_expired_while_the_machine_slept_is_renewed_at_once(
    rig: Rig, body: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(heartbeat, "_LOOK_S", 0.02)
    slept = 0.0
    clock = SimpleNamespace(time=lambda: time.time() + slept, monotonic=time.monotonic)
    monkeypatch.setattr(heartbeat, "time", clock)
    extend, run = Extensions(), claimed(rig, body, 60)
    with lease(rig, body, run, extend, lease_s=60):
        slept = 3600.0
        extend.wait_for(2)
    assert extend.seconds == [60, 60]
    assert rig.state(body).lease_until > run.lease_until


def test_steps_of_progress_below_5_percent_are_not_written(
    rig: Rig, body: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(heartbeat, "_TICK_S", 0.01)
    written, run = [], claimed(rig, body, 60)
    held = lease(rig, body, run, Extensions(), lease_s=60)
    monkeypatch.setattr(held._claimed, "report", lambda **said: written.append(said["progress"]))
    with held as report:
        for percent in range(100):
            report(percent / 100)
            time.sleep(0.015)
    steps = [after - before for before, after in pairwise([0.0, *written])]
    assert 1 <= len(steps) <= 20
    assert min(steps) >= 5 - 1e-9


def test_many_reports_cost_few_writes(rig: Rig, body: str):
    extend, run = Extensions(), claimed(rig, body, 60)
    with lease(rig, body, run, extend, lease_s=60) as report:
        for step in range(10_000):
            report(step / 10_000)
    assert extend.seconds == [60]  # on entry; the next is due after 20 s


def test_the_next_report_of_a_stage_raises_after_a_takeover(rig: Rig, body: str):
    extend, run = Extensions(), claimed(rig, body, -1)
    taken = claimed(rig, body, 60)
    held = lease(rig, body, run, extend)
    with held as report:
        held._thread.join(WAIT_S)
        with pytest.raises(LeaseLost):
            report(0.5)
    assert rig.state(body).attempt == taken.attempt
    assert extend.seconds == [0]  # the message belongs to its successor now


def test_a_report_after_a_sleep_looks_for_a_successor_itself(
    rig: Rig, body: str, monkeypatch: pytest.MonkeyPatch
):
    """The heartbeat thread may wake later than the one that publishes files."""
    monkeypatch.setattr(Lease, "_beat", lambda _: None)
    slept = 0.0
    clock = SimpleNamespace(time=lambda: time.time() + slept, monotonic=time.monotonic)
    monkeypatch.setattr(heartbeat, "time", clock)
    run = claimed(rig, body, -1)
    with lease(rig, body, run, Extensions(), lease_s=60) as report:
        taken = claimed(rig, body, 60)
        report(0.5)  # its lease has not expired by its own clock
        slept = 3600.0
        with pytest.raises(LeaseLost):
            report(0.6)
    assert rig.state(body).attempt == taken.attempt


def test_a_report_does_not_wait_for_aws_while_heartbeats_fail(
    rig: Rig, body: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Lease, "_beat", lambda _: None)
    passed, tries = 0.0, []
    clock = SimpleNamespace(time=lambda: time.time() + passed, monotonic=time.monotonic)
    monkeypatch.setattr(heartbeat, "time", clock)
    held = lease(rig, body, claimed(rig, body, 60), Extensions(), lease_s=60)

    def fails(**_: object) -> None:
        tries.append(passed)
        raise OSError

    monkeypatch.setattr(held._claimed, "heartbeat", fails)
    with held as report:
        passed = 3600.0
        held._write(0.5, extends=True)  # as the thread does
        report(0.6)
    assert tries == [3600.0]


def test_a_temporary_failure_of_the_network_does_not_end_the_heartbeat(
    rig: Rig, body: str, monkeypatch: pytest.MonkeyPatch
):
    extend, run = Extensions(), claimed(rig, body)
    held = lease(rig, body, run, extend)
    beat, failures = held._claimed.heartbeat, [OSError(), OSError()]

    def flaky(*args, **kwargs) -> None:
        if failures:
            raise failures.pop()
        beat(*args, **kwargs)

    monkeypatch.setattr(held._claimed, "heartbeat", flaky)
    with held as report:
        extend.wait_for(2)
        report(0.1)
    assert not failures


def test_what_the_heartbeat_logs_is_about_the_run(
    rig: Rig, body: str, monkeypatch: pytest.MonkeyPatch
):
    subject, seen = ContextVar[str]("subject"), []
    subject.set("this video")
    extend, run = Extensions(), claimed(rig, body)
    held = lease(rig, body, run, extend)
    monkeypatch.setattr(held._claimed, "heartbeat", lambda *_, **__: seen.append(subject.get(None)))
    with held:
        extend.wait_for(2)
    assert seen[0] == "this video"


def test_the_heartbeat_ends_with_the_run(rig: Rig, body: str):
    extend, run = Extensions(), claimed(rig, body)
    held = lease(rig, body, run, extend)
    with pytest.raises(KeyboardInterrupt), held:
        raise KeyboardInterrupt
    assert not held._thread.is_alive()


def test_a_report_after_the_deadline_ends_the_run(rig: Rig, body: str):
    extend, run = Extensions(), claimed(rig, body)
    with lease(rig, body, run, extend, left=0) as report:
        assert report.remaining() == report.part(0, 1).remaining() == 0
        with pytest.raises(TimedOut, match="toy did not end within the 0 s that its host has"):
            report.part(0, 1)(0.5)
    with lease(rig, body, run, extend, left=60) as report:
        assert 0 < report.part(0, 1).remaining() <= 60
