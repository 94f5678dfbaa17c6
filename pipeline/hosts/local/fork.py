"""A copy of this process, with its memory at that time, that works beside it."""

import contextlib
import os
import pickle
import signal
import time
import warnings
from collections.abc import Callable
from select import select
from typing import Generic, NoReturn, TypeVar

from pipeline.core.parent_death import tie

T = TypeVar("T")


class Fork(Generic[T]):
    """Work in a copy of this process, which ends with the work or with this process.

    Creating the copy takes milliseconds for any amount of memory: pages are shared until one side
    writes to them. The work must not use anything that another thread may have locked.

    Args:
        work: function to call in the copy; its result or error must be picklable.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._read, write = os.pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of forks in processes with threads; the docstring has the rule.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            _answer(work, write, parent)
        os.close(write)

    def result(self, timeout_s: float) -> T:
        """Wait for the work, and return its result.

        Args:
            timeout_s: seconds after which the copy is killed.

        Raises:
            TimeoutError: it did not end in time.
            ChildProcessError: it was killed.
            Exception: the error that the work raised.
        """
        end, answer = time.monotonic() + timeout_s, b""
        try:
            while select([self._read], [], [], max(0.0, end - time.monotonic()))[0]:
                if not (more := os.read(self._read, 1 << 16)):
                    break
                answer += more
            else:
                raise TimeoutError(f"The copy of this process did not end in {timeout_s:.0f} s.")
        finally:
            os.close(self._read)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        if not answer:
            raise ChildProcessError("The copy of this process was killed.")
        succeeded, found = pickle.loads(answer)  # noqa: S301 - written by our own copy
        if succeeded:
            return found  # type: ignore[no-any-return]
        raise found


def _answer(work: Callable[[], T], write: int, parent: int) -> NoReturn:
    """Do the work in the copy, send its result or error, and exit without cleanup."""
    try:
        try:
            answer = pickle.dumps((True, work())) if tie(parent) else b""
        except BaseException as error:  # noqa: BLE001 - the parent process raises it
            answer = pickle.dumps((False, error))
        while answer:
            answer = answer[os.write(write, answer) :]
    finally:
        os._exit(0)
