"""The end of a worker: when it is stopped, and when messages no longer wait."""

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.settings import Settings
from pipeline.hosts.worker import Function, Worker, host


class Stub:
    """A poller that never serves, or one that rests after some looks."""

    def __init__(self, *, serves: bool, looks: int | None) -> None:
        self._serves = serves
        self.looks = looks

    def serves(self) -> bool:
        return self._serves

    def rests(self, _: float) -> bool:
        if self.looks is None:
            return False
        self.looks -= 1
        return self.looks == 0


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_BEAT_S", 0.001)
    monkeypatch.setattr(host, "_UNFIT_S", 0.01)


def test_a_stage_that_cannot_be_loaded_does_not_keep_the_worker_of_others_for_ever():
    broken, other = Stub(serves=False, looks=None), Stub(serves=True, looks=20)
    worker = Worker(Settings(), (), idle_s=30)
    assert worker._watch([broken, other]) is False
    assert other.looks == 0, "the worker ended while the other stage had work"


def test_a_worker_whose_stages_all_rest_ends_well():
    worker = Worker(Settings(), (), idle_s=30)
    assert worker._watch([Stub(serves=True, looks=3)]) is True


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what a worker of two busy pollers does that is stopped: they end once they are cut."""
    done = SimpleNamespace(calls=[], signals=[], config=None)
    now = [0.0]

    class Busy:
        def __init__(self, *_: Any) -> None:
            self.runtime = SimpleNamespace(cut=lambda: done.calls.append("cut"))

        def start(self) -> None:
            pass

        def join(self, timeout: float | None = None) -> None:
            done.calls.append(timeout)
            now[0] += timeout or 0

    pauses = SimpleNamespace(pauses=SimpleNamespace(all=None))
    monkeypatch.setattr(host, "Poller", Busy)
    monkeypatch.setattr(host.bootstrap, "catalog", lambda _: pauses)
    monkeypatch.setattr(host.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(host.signal, "signal", lambda number, _: done.signals.append(number))
    monkeypatch.setattr(host.boto3, "client", lambda _, config: vars(done).update(config=config))
    function = Function("detect", "no.handler", 1, 1, concurrency=2)
    worker = Worker(Settings(), [function], wait_s=7, grace_s=10)
    worker.stop()
    assert worker.run() is True
    return done


def test_all_jobs_of_a_worker_that_is_stopped_share_its_grace_and_are_cut_then(stopped: Any):
    assert stopped.calls == [10, 0, "cut", "cut", None, None]


def test_a_worker_is_stopped_by_either_signal(stopped: Any):
    assert stopped.signals == [signal.SIGTERM, signal.SIGINT]


def test_a_request_to_a_queue_neither_delays_a_stop_nor_ends_before_its_long_poll(stopped: Any):
    config = stopped.config
    assert config.retries == {"total_max_attempts": 1}
    assert config.connect_timeout <= 5
    assert 7 < config.read_timeout < 60
    assert config.max_pool_connections > 2


def test_the_end_of_a_function_that_is_no_stage_is_recorded_nowhere(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(host.bootstrap, "runner", None)
    janitor = Function("janitor", "no.handler", 1, 1)
    assert host.abandon(Settings(), janitor, {}, "crashed", "!") is False
