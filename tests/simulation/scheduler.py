"""Processes and threads on a virtual clock: one runs at a time, and another one only if it waits.

Each thread is a greenlet. A killed process runs nothing more but the ends of its ``with`` blocks,
whose calls to AWS have no effect.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from greenlet import getcurrent, greenlet

START = 1_700_000_000.0


class Killed(BaseException):
    """The end of a killed process: nothing may catch it."""


class Violation(BaseException):
    """Something that must hold and does not: no code under test may catch it."""


class Process:
    """A process on a host with a clock of its own.

    Args:
        name: for the trace.
        skew_s: seconds by which its clock is fast.

    Attributes:
        alive: False once it was killed.
        paused_until: moment until which none of its threads runs.
        threads: those that have not ended.
        sure: True if its calls have no faults.
        settings: of this process.
    """

    def __init__(
        self, name: str, *, skew_s: float = 0.0, sure: bool = False, settings: Any = None
    ) -> None:
        self.name = name
        self.skew_s = skew_s
        self.alive = True
        self.paused_until = 0.0
        self.threads: list[Thread] = []
        self.sure = sure
        self.settings = settings
        self.in_hand: Any = None


class Thread:
    """A thread of a process.

    Args:
        process: its process.
        body: the greenlet.
    """

    def __init__(self, process: Process, body: greenlet) -> None:
        self.process = process
        self.body = body
        self.token = 0
        self.waiters: list[Thread] = []
        self.ended = False


class Scheduler:
    """The virtual clock, and what happens when.

    Attributes:
        now: the moment, epoch seconds.
        current: the thread that runs.
    """

    def __init__(self) -> None:
        self.now = START
        self.current: Thread | None = None
        self._heap: list[tuple[float, int, Any, int]] = []
        self._count = 0
        self._hub: Any = getcurrent()
        self.error: BaseException | None = None

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Have an action happen at a moment."""
        self._count += 1
        heappush(self._heap, (moment, self._count, action, -1))

    def start(self, process: Process, body: Callable[[], object]) -> Thread:
        """Start a thread."""
        thread = Thread(process, greenlet(lambda: self._run(thread, body), self._hub))
        process.threads.append(thread)
        self._wake(thread, self.now)
        return thread

    def kill(self, process: Process) -> None:
        """Kill a process; its current thread has to raise ``Killed`` itself."""
        process.alive = False
        for thread in process.threads:
            if thread is not self.current:
                self._wake(thread, self.now)

    def sleep(self, seconds: float) -> None:
        """Wait; in a thread alone."""
        thread = self.current
        if thread is None:
            raise Violation("only threads wait")
        if not thread.process.alive:
            raise Killed
        self._wake(thread, self.now + max(0.0, seconds))
        self._park(thread)

    def park(self) -> None:
        """Wait until another thread wakes this one."""
        if self.current is None:
            raise Violation("only threads wait")
        if not self.current.process.alive:
            raise Killed
        self._park(self.current)

    def wake(self, thread: Thread) -> None:
        """Wake a thread that waits."""
        if not thread.ended:
            self._wake(thread, self.now)

    def run(self, until: float) -> bool:
        """Run until nothing is left to happen before a moment; return whether anything is left."""
        self._hub = getcurrent()
        heap = self._heap
        while heap:
            moment, _, what, token = heap[0]
            if moment > until:
                self.now = until
                return True
            heappop(heap)
            if token == -1:
                self.now = max(self.now, moment)
                what()
            elif not what.ended and what.token == token:
                process = what.process
                if process.paused_until > moment and process.alive:
                    self._count += 1
                    heappush(heap, (process.paused_until, self._count, what, token))
                    continue
                self.now = max(self.now, moment)
                self.current = what
                what.token += 1
                if process.alive:
                    what.body.switch()
                elif what.body:
                    what.body.throw(Killed)
                else:  # it has not begun
                    what.ended = True
                    process.threads.remove(what)
                self.current = None
            if self.error:
                raise self.error
        return False

    def end(self) -> None:
        """End all threads that are left."""
        for _, _, what, token in self._heap:
            if token != -1:
                what.process.alive = False

    def _wake(self, thread: Thread, moment: float) -> None:
        self._count += 1
        heappush(self._heap, (moment, self._count, thread, thread.token))

    def _park(self, thread: Thread) -> None:
        self._hub.switch()
        if not thread.process.alive:
            raise Killed

    def _run(self, thread: Thread, body: Callable[[], object]) -> None:
        try:
            body()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - a violation, or a defect of the simulation
            self.error = error
        finally:
            thread.ended = True
            thread.process.threads.remove(thread)
            for waiter in thread.waiters:
                self.wake(waiter)


class Event:
    """An event as ``threading`` has it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._waiters: list[Thread] = []
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        for thread in self._waiters:
            self._scheduler.wake(thread)
        self._waiters.clear()

    def wait(self, timeout: float) -> bool:
        thread = self._scheduler.current
        if not self._is_set and thread:
            self._waiters.append(thread)
            self._scheduler.sleep(timeout)
            if thread in self._waiters:
                self._waiters.remove(thread)
        return self._is_set


class BackgroundThread:
    """A thread as ``threading`` has it."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        **_: Any,
    ) -> None:
        self._scheduler = scheduler
        self._body = lambda: target(*args)
        self._thread: Thread | None = None

    def start(self) -> None:
        current = self._scheduler.current
        if current is None or not current.process.alive:
            raise Killed
        self._thread = self._scheduler.start(current.process, self._body)

    def join(self) -> None:
        while self._thread and not self._thread.ended:
            current = self._scheduler.current
            if current is None or not current.process.alive:
                raise Killed
            self._thread.waiters.append(current)
            self._scheduler.park()
