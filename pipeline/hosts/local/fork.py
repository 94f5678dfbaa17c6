"""A copy of this process that works while this one goes on: with all memory as it was."""

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
    """Work begun in a copy of this process; the copy ends with it, and dies with this process.

    Making the copy takes milliseconds, however much memory there is: pages are shared until one
    side writes to them. The work has to keep away from whatever another thread may have locked.

    Args:
        work: what to do; its result, or its error, has to be something that can be pickled.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._read, write = os.pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of forks beside threads: see above.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            _answer(work, write, parent)
        os.close(write)

    def result(self, timeout_s: float) -> T:
        """What the work returned.

        Args:
            timeout_s: after which the copy is killed.

        Raises:
            TimeoutError: it did not end in time.
            ChildProcessError: it was killed.
            Exception: what the work raised.
        """
        end, told = time.monotonic() + timeout_s, b""
        try:
            while select([self._read], [], [], max(0.0, end - time.monotonic()))[0]:
                if not (more := os.read(self._read, 1 << 16)):
                    break
                told += more
            else:
                raise TimeoutError(f"The copy of this process did not end in {timeout_s:.0f} s.")
        finally:
            os.close(self._read)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        if not told:
            raise ChildProcessError("The copy of this process was killed.")
        worked, found = pickle.loads(told)  # noqa: S301 - it comes from ourselves
        if worked:
            return found  # type: ignore[no-any-return]
        raise found


def _answer(work: Callable[[], T], write: int, parent: int) -> NoReturn:
    """Do the work in the copy, say what came of it, and end without a look back."""
    try:
        try:
            answer = pickle.dumps((True, work())) if tie(parent) else b""
        except BaseException as error:  # noqa: BLE001 - the original deals with it
            answer = pickle.dumps((False, error))
        while answer:
            answer = answer[os.write(write, answer) :]
    finally:
        os._exit(0)
