"""The replacement of clocks, threads and random numbers of this process by those of a history.

It is not undone: the simulation has a process of its own. Modules of the project read the time as
``time.time()`` or ``datetime.now()``; their names for these are replaced wherever they have them.
"""

import logging
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any, Self

from tests.simulation.scheduler import BackgroundThread, Event, Killed, Scheduler

_MODULES = ("pipeline.", "handlers.", "tests.simulation.stages.")
_real_sleep, _real_time = time.sleep, time.time


class _Now:
    """The history that runs now.

    Attributes:
        scheduler: of the history.
        count: of the random numbers that it has drawn.
    """

    scheduler = Scheduler()
    count = 0


NOW = _Now()


def wall() -> float:
    """Return the time on the clock of the current process."""
    scheduler = NOW.scheduler
    thread = scheduler.current
    return scheduler.now + (thread.process.skew_s if thread else 0.0)


def monotonic() -> float:
    """Return a time that no skew changes."""
    return NOW.scheduler.now


def sleep(seconds: float) -> None:
    """Wait on the virtual clock."""
    NOW.scheduler.sleep(seconds)


def token(size: int = 16) -> str:
    """Return another text each time, the same in each run of a history."""
    NOW.count += 1
    return f"{NOW.count * 2654435761 % 16 ** (2 * size):0{2 * size}x}"


class VirtualDatetime(datetime):
    """The class ``datetime`` on the virtual clock."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.fromtimestamp(wall(), tz)


class _Done:
    """A call that has ended."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._error: Exception | None = None
        try:
            self._result = call()
        except Exception as error:  # noqa: BLE001 - raised by ``result``
            self._error = error

    def result(self) -> Any:
        if self._error:
            raise self._error
        return self._result


class InTurn:
    """A pool of threads that does one call after another."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, call: Callable[..., Any], *args: Any) -> _Done:
        return _Done(lambda: call(*args))

    def map(self, call: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        return iter([call(*each) for each in zip(*items, strict=False)])

    def shutdown(self, **_: object) -> None: ...


def install() -> None:
    """Replace clocks, threads and random numbers in all modules of the project."""
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = _tell_unless_killed
    threading = SimpleNamespace(
        Event=lambda: Event(NOW.scheduler),
        Thread=lambda **given: BackgroundThread(NOW.scheduler, **given),
    )
    replaced: dict[int, Any] = {
        id(datetime): VirtualDatetime,
        id(ThreadPoolExecutor): InTurn,
        id(secrets.token_hex): token,
        id(uuid.uuid4): lambda: uuid.UUID(token()),
        id(time): SimpleNamespace(time=wall, monotonic=monotonic, sleep=sleep),
        id(secrets): SimpleNamespace(
            token_hex=token, token_bytes=lambda n: bytes.fromhex(token(n))
        ),
    }
    for name, module in list(sys.modules.items()):
        if name.startswith(_MODULES):
            for attribute, value in list(vars(module).items()):
                if id(value) in replaced:
                    setattr(module, attribute, replaced[id(value)])
    heartbeat: ModuleType = sys.modules["pipeline.runs.heartbeat"]
    heartbeat.threading = threading


def _tell_unless_killed(what: Any) -> None:
    """Leave out the generators that a killed process has not closed."""
    if not isinstance(what.exc_value, Killed):
        sys.__unraisablehook__(what)


def read_cpu_seconds() -> float:
    """Return the CPU time of a process, which the simulation does not count."""
    return 0.0


def clock_of(function: Any, **defaults: Any) -> None:
    """Replace defaults of a function that were read when it was made."""
    function.__kwdefaults__ = {**function.__kwdefaults__, **defaults}


def moment() -> datetime:
    """Return the present moment of the history."""
    return datetime.fromtimestamp(NOW.scheduler.now, UTC)
