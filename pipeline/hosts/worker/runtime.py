"""One handler in a child process: warm, limited in time and memory, and replaced when it ends.

The child runs ``python -m awslambdaric HANDLER``, AWS's own runtime client, so a handler has the
same environment as on Lambda.
"""

import json
import logging
import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from pipeline.core.awake import Awake, Wakes
from pipeline.hosts.child import Child
from pipeline.hosts.worker.api import Invocation, RuntimeApi, trace_of
from pipeline.hosts.worker.functions import Function

log = logging.getLogger(__name__)

Kind = Literal["error", "timeout", "out_of_memory", "crashed", "init_error", "stopped"]

_WATCH_S = 0.25
# Importing torch on a busy machine takes tens of seconds; Lambda itself allows 10.
_INIT_S = 180.0
# Above the duration of a call to AWS with all its retries during an outage.
_HUNG_S = 600.0
# Above the time between two looks, a long poll during an outage included.
_SLEPT_S = 60.0
_MIB = 1 << 20


@dataclass(frozen=True)
class Response:
    """The result of a handler that returned."""

    payload: JsonValue


@dataclass(frozen=True)
class Failed:
    """The failure of a handler that did not return.

    Attributes:
        kind: ``error``: it raised; ``timeout``, ``out_of_memory``: it was killed at its limit;
            ``crashed``: its process ended; ``init_error``: it could not be loaded; ``stopped``: the
            worker was stopped.
        message: a sentence for the log and for the record of the run.
    """

    kind: Kind
    message: str


class Runtime:
    """A host of one function, in one child process at a time. Not for two threads at once.

    Args:
        function: the function to host.
        arn: its ARN, for the handler's context.
        region: its AWS region.
    """

    def __init__(self, function: Function, arn: str, region: str) -> None:
        self._function = function
        self._arn = arn
        self._region = region
        self._child: Child | None = None
        self._api: RuntimeApi | None = None
        self._cut = threading.Event()
        self._looked = time.monotonic()
        self._wakes = Wakes(_SLEPT_S)
        self._slept = False

    @property
    def ready(self) -> bool:
        """Return whether a child runs and has loaded the handler; for any thread."""
        child, api = self._child, self._api
        return bool(
            child
            and child.returncode is None
            and api
            and api.settled.is_set()
            and not api.init_error
        )

    @property
    def hung(self) -> bool:
        """Return whether its thread last called ``look`` too long ago; for any thread.

        Each job has its deadline, but a process that waits in a driver cannot be killed.
        """
        return time.monotonic() - self._looked > _HUNG_S

    def look(self) -> None:
        """Record that its thread is alive; ``invoke`` does so while a job runs."""
        self._looked = time.monotonic()
        self._slept = self._wakes.look() or self._slept

    def has_slept(self) -> bool:
        """Return whether this machine or process has slept since the last call."""
        slept, self._slept = self._slept, False
        return slept

    def start(self) -> Failed | None:
        """Start a child and load the handler, unless one runs; return the reason if that fails."""
        if self._child and self._child.returncode is None:
            return None
        self.close()
        if self._cut.is_set():
            return Failed("stopped", "The worker is stopping.")
        self._api = api = RuntimeApi(self._arn)
        self._child = child = Child(
            "awslambdaric",
            self._function.handler,
            env=self._environment(api.address),
            background=self._function.replays,
        )
        api.caller = child.pid
        end = time.monotonic() + _INIT_S
        while not api.settled.wait(_WATCH_S):
            self.look()
            if child.returncode is not None or time.monotonic() > end or self._cut.is_set():
                break
        if api.settled.is_set() and not api.init_error:
            return None
        if self._cut.is_set():
            self.close()
            return Failed("stopped", "The worker was stopped while the handler was loaded.")
        reason = api.init_error or _ending(child)
        self.close()
        return Failed("init_error", f"{self._function.handler} could not be loaded: {reason}")

    def invoke(self, event: JsonValue) -> Response | Failed:
        """Run the handler on ``event``; kill the child if it fails other than by an error."""
        if failed := self.start():
            return failed
        if self._api is None or self._child is None:
            raise AssertionError("start() returned neither a child nor a failure")
        deadline = time.time() + self._function.timeout_s
        invocation = Invocation(json.dumps(event).encode(), deadline, trace_of(event))
        self._api.put(invocation)
        failed = self._watch(invocation, self._child)
        if failed:
            self.close()
            return failed
        if invocation.error is not None:
            return Failed("error", invocation.error)
        try:
            return Response(json.loads(invocation.response or b"null"))
        except ValueError:
            return Failed("error", "The handler's response is not JSON.")

    def cut(self) -> None:
        """Stop the running invocation from another thread; it fails as ``stopped``."""
        self._cut.set()

    def close(self) -> None:
        """Kill the child and all that it started."""
        if self._child:
            self._child.kill()
            self._child = None
        if self._api:
            self._api.close()
            self._api = None

    def _watch(self, invocation: Invocation, child: Child) -> Failed | None:
        """Wait for the answer; return the failure if there will be none."""
        awake = Awake()
        while not invocation.answered.wait(_WATCH_S):
            self.look()
            if self._cut.is_set():
                return Failed("stopped", "The worker was stopped while this ran.")
            if child.returncode is not None:
                if invocation.answered.is_set():
                    return None
                return Failed("crashed", f"The process that ran it ended: {_ending(child)}")
            if failed := self._beyond(child, awake.seconds()):
                return failed
        return None

    def _beyond(self, child: Child, seconds: float) -> Failed | None:
        """Return the failure of a child that has exceeded a limit after so many seconds awake."""
        function = self._function
        if seconds > function.timeout_s:
            return Failed("timeout", f"It did not end within {function.timeout_s:.0f} s.")
        if child.rss() > function.memory_mb * _MIB:
            return Failed("out_of_memory", f"It needed more than {function.memory_mb} MB.")
        return None

    def _environment(self, api: str) -> dict[str, str]:
        function, threads = self._function, str(self._function.threads)
        pinned = ("OMP", "MKL", "OPENBLAS", "NUMEXPR")
        return {
            **os.environ,
            **{f"{library}_NUM_THREADS": threads for library in pinned},
            "VIDEODROP_THREADS": threads,
            "PYTHONUNBUFFERED": "1",
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_LAMBDA_RUNTIME_API": api,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "_HANDLER": function.handler,
            **function.env,
        }


def _ending(child: Child) -> str:
    """Describe the end of a child."""
    code = child.returncode
    if code is None:
        return f"it was not ready within {_INIT_S:.0f} s"
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps because this machine is out of memory" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"
    return f"exit status {code}"
