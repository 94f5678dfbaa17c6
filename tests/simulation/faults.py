"""The faults of calls to AWS: errors, lost answers, repeated requests, pauses and crashes."""

from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.simulation.choices import Choices, Weights
from tests.simulation.scheduler import Killed, Process, Scheduler


class Fault(IntEnum):
    """The ways in which a call goes; 0 is the one without a fault."""

    NONE = 0
    SOON = 1  # others run first
    LATE = 2
    VERY_LATE = 3
    THROTTLED = 4
    UNREACHABLE = 5
    ANSWER_LOST = 6  # it had its effect
    REPEATED = 7  # boto3 got no answer and sent it again
    CRASH_BEFORE = 8
    CRASH_AFTER = 9
    PAUSE_BEFORE = 10
    PAUSE_AFTER = 11


_LATE_S = {Fault.SOON: 0.01, Fault.LATE: 0.4, Fault.VERY_LATE: 8.0}
_PAUSES_S = (20.0, 45.0, 100.0, 400.0)
_CHANGING = {Fault.ANSWER_LOST, Fault.REPEATED}


class Calls:
    """The calls to AWS of one history.

    Args:
        scheduler: the clock.
        choices: of the history.
        weights: of each fault.
        killed: called with a process that has crashed.

    Attributes:
        quiet: True once there are no more faults.
        trace: the calls so far, if they are to be told.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        choices: Choices,
        weights: Weights,
        killed: Callable[[Process], None],
    ) -> None:
        self._scheduler = scheduler
        self._choices = choices
        self._weights = weights
        self._killed = killed
        self.quiet = False
        self.faults = 0
        self.paused = False
        self.trace: list[str] | None = None

    def call(
        self, operation: str, effect: Callable[[], Any], about: Any, *, changes: bool = False
    ) -> Any:
        """Make a call of the current process.

        Args:
            operation: of the API.
            effect: what it does, at one moment.
            about: what it is about, for the trace.
            changes: True if it changes anything.
        """
        thread = self._scheduler.current
        if thread is None:
            return effect()
        process = thread.process
        if not process.alive:
            raise Killed
        if self.quiet or process.sure:
            if self.trace is not None:
                self._tell(process, operation, about, Fault.NONE)
            return effect()
        fault = Fault(self._choices.draw(self._weights))
        if fault in _CHANGING and not changes:
            fault = Fault.UNREACHABLE if fault is Fault.ANSWER_LOST else Fault.NONE
        if self.trace is not None:
            self._tell(process, operation, about, fault)
        if fault is Fault.NONE:
            return effect()
        if fault <= Fault.VERY_LATE:
            self._scheduler.sleep(_LATE_S[fault])
            return effect()
        self.faults += 1
        return self._wrong(fault, process, operation, effect)

    def _wrong(
        self, fault: Fault, process: Process, operation: str, effect: Callable[[], Any]
    ) -> Any:
        match fault:
            case Fault.THROTTLED:
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, operation)
            case Fault.UNREACHABLE:
                raise EndpointConnectionError(endpoint_url="https://aws")
            case Fault.ANSWER_LOST:
                effect()
                raise ReadTimeoutError(endpoint_url="https://aws")
            case Fault.REPEATED:
                effect()
                self._scheduler.sleep(0.4)
                return effect()
            case Fault.CRASH_BEFORE:
                self.crash(process)
            case Fault.CRASH_AFTER:
                with suppress(ClientError):  # a condition that does not hold
                    effect()
                self.crash(process)
            case Fault.PAUSE_BEFORE:
                self._pause(process)
                return effect()
            case Fault.PAUSE_AFTER:
                done = effect()
                self._pause(process)
                return done
        raise AssertionError(fault)

    def crash(self, process: Process) -> None:
        """Kill the current process."""
        self._scheduler.kill(process)
        self._killed(process)
        raise Killed

    def _pause(self, process: Process) -> None:
        """Stop all threads of a process for a while."""
        self.paused = True
        seconds = _PAUSES_S[self._choices.below(len(_PAUSES_S))]
        process.paused_until = self._scheduler.now + seconds
        self._scheduler.sleep(seconds)

    def _tell(self, process: Process, operation: str, about: Any, fault: Fault) -> None:
        after = f"  !! {fault.name}" if fault > Fault.SOON else ""
        line = f"{self._scheduler.now - 1.7e9:9.2f}  {process.name:<12} {operation} {about}{after}"
        if self.trace is not None:
            self.trace.append(line)
