"""A part of the local stack: one child process with a log."""

import json
import os
import select
import signal
from collections import deque
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import VideodropError
from pipeline.hosts.child import Child

_LOG_LINES = 5
# A part that ends more often than this within the window does not stay up.
_RESTARTS = 3
_WINDOW_S = 600.0


class PartFailed(VideodropError):
    """A part of the stack does not start or does not stay up."""

    failure_class = "dependency"


class Part:
    """One child process of the stack, its log, and the times of its restarts.

    Args:
        name: the part's name; ``server`` announces its endpoint on standard output.
        command: the module and its arguments.
        log_file: file to which its output is appended.
        environment: variables that only this process gets.
        pass_fds: file descriptors that it inherits, under the same numbers.
    """

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        pass_fds: Collection[int] = (),
    ) -> None:
        self.name = name
        self.command = command
        self.log = log_file
        self._environment = environment or {}
        self._pass_fds = pass_fds
        self._restarts: deque[float] = deque(maxlen=_RESTARTS)
        self.child: Child

    def start(self) -> None:
        """Start a child process with this process's environment and its own."""
        with self.log.open("ab") as output:
            announces = self.name == "server"
            self.child = Child(
                *self.command,
                env={**os.environ, **self._environment},
                orphan_signal=signal.SIGTERM,
                stdout=-1 if announces else output,
                stderr=output,
                pass_fds=self._pass_fds,
            )

    def restart(self, now: float) -> None:
        """Start another child process after the last one ended.

        Args:
            now: monotonic seconds.

        Raises:
            PartFailed: ``part_failed``: it has ended too often lately.
        """
        if len(self._restarts) == _RESTARTS and now - self._restarts[0] < _WINDOW_S:
            raise self.failed()
        self._restarts.append(now)
        self.start()

    def announced(self, timeout_s: float) -> dict[str, Any]:
        """Return the line of JSON that the child announces; empty after ``timeout_s`` seconds."""
        output = self.child.stdout
        if output is None or not select.select([output], [], [], timeout_s)[0]:
            return {}
        line = output.readline()
        return dict(json.loads(line)) if line else {}

    def failed(self) -> PartFailed:
        """Return the error of a part that does not stay up, with the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        tail = "".join(f"\n    {line}" for line in lines)
        return PartFailed(
            "part_failed", f"The {self.name} does not stay up. The end of {self.log}:{tail}"
        )
