"""Exit codes of the command line; errors carry theirs as ``exit_code``.

0 success; 1 a video or a check failed; 2 wrong usage or settings, or a name that
several videos have; 3 no such video, result or
replay; 4 no pipeline is running or reachable; 5 timed out; 6 something has to be installed first;
130 interrupted by Ctrl-C.
"""

OK, FAILED, USAGE, NOT_FOUND, NOT_RUNNING, TIMED_OUT, NOT_INSTALLED = range(7)
INTERRUPTED = 130  # the shells' status of a command that Ctrl-C ended
