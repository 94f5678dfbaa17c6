"""Ties a process's life to its parent's, by the kernel, so that not even SIGKILL breaks it."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
# Loaded beforehand: between fork and exec, and in the copy of a process with threads, one had
# better take no lock and import nothing.
_LIBC = ctypes.CDLL(None, use_errno=True)


def tie(parent: int, orphan_signal: int = signal.SIGKILL) -> bool:
    """Have this process signalled when the thread that started it ends (``man 2 prctl``).

    Args:
        parent: the pid of who started it, as that one knew it.
        orphan_signal: what this process gets then.

    Returns:
        False if the parent died before the kernel knew of the wish: end at once.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
    return os.getppid() == parent
