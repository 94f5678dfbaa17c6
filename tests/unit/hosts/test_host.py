"""The end of a worker that is started while messages wait."""

import pytest

from pipeline.core.settings import Settings
from pipeline.hosts.worker import Worker, host


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
