"""A kernel signal for a process whose parent dies, even by SIGKILL."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
# Loaded beforehand: between fork and exec, and in the copy of a process with threads, taking a
# lock or importing a module can deadlock.
_LIBC = ctypes.CDLL(None, use_errno=True)


def tie(parent: int, orphan_signal: int = signal.SIGKILL) -> bool:
    """Have this process signalled when the thread that started it ends (``man 2 prctl``).

    Args:
        parent: the pid of the parent, as read in the parent.
        orphan_signal: the signal to receive.

    Returns:
        False if the parent died before the call took effect: exit at once.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
    return os.getppid() == parent
