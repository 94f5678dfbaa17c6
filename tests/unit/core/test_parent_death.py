"""A process ends with its parent, also when the parent is killed."""

import os
import signal

from pipeline.core import parent_death


class Kernel:
    """A kernel that records the calls; nothing happens to this process."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def prctl(self, *given: int) -> None:
        self.asked.append(given)


def test_a_process_is_signalled_when_its_parent_ends_or_told_that_it_has(monkeypatch):
    kernel = Kernel()
    monkeypatch.setattr(parent_death, "_LIBC", kernel)
    assert parent_death.tie(os.getppid())
    assert parent_death.tie(os.getppid(), signal.SIGTERM)
    assert not parent_death.tie(os.getpid()), "it has another parent by then"
    assert [given for _, given in kernel.asked] == [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL]
