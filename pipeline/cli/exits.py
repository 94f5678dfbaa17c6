"""Exit codes.

0 all is well; 1 a video or a check failed; 2 wrong usage; 3 no such video, result or replay;
4 no pipeline to talk to; 5 the time was up; 6 something has to be installed first.
"""

from pipeline.core.errors import MissingDependency, TimedOut, VideodropError
from pipeline.hosts.stack_file import NotRunning

OK, FAILED, USAGE, NOT_FOUND, NOT_RUNNING, TIMED_OUT, NOT_INSTALLED = range(7)
INTERRUPTED = 130  # as shells say of what Ctrl-C ended

_BY_CODE = {
    "ambiguous_version": USAGE,
    "ambiguous_replay": USAGE,
    "aws_unreachable": NOT_RUNNING,
    "bad_name": USAGE,
    "bad_option": USAGE,
    "bad_prices": USAGE,
    "bad_settings": USAGE,
    "bad_usage": USAGE,
    "bad_window": USAGE,
    "interrupted": INTERRUPTED,
    "no_earlier_version": NOT_FOUND,
    "not_a_file": USAGE,
    "not_confirmed": USAGE,
    "same_name": USAGE,
    "unknown_replay": NOT_FOUND,
    "unknown_stage": USAGE,
    "unknown_version": NOT_FOUND,
    "version_gone": NOT_FOUND,
    "video_deleted": NOT_FOUND,
}


class NotFound(VideodropError):
    """There is no such video, result or replay."""

    failure_class = "bad_input"


_BY_CLASS: dict[type[VideodropError], int] = {
    NotFound: NOT_FOUND,
    NotRunning: NOT_RUNNING,
    TimedOut: TIMED_OUT,
    MissingDependency: NOT_INSTALLED,
}


def code(error: VideodropError) -> int:
    """The exit code that tells of ``error``."""
    return _BY_CODE.get(error.code, _BY_CLASS.get(type(error), FAILED))
