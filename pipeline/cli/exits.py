"""Exit codes.

0 all is well; 1 a video or a check failed; 2 wrong usage; 3 no such video or result;
4 no pipeline to talk to; 5 the time was up; 6 something has to be installed first.
"""

from pipeline.client import NotRunning
from pipeline.errors import MissingDependency, TimedOut, VideodropError

OK, FAILED, USAGE, NOT_FOUND, NOT_RUNNING, TIMED_OUT, NOT_INSTALLED = range(7)

_BY_CODE = {
    "aws_unreachable": NOT_RUNNING,
    "bad_name": USAGE,
    "bad_option": USAGE,
    "bad_settings": USAGE,
    "bad_usage": USAGE,
    "not_a_file": USAGE,
    "same_name": USAGE,
    "unknown_stage": USAGE,
}


class NotFound(VideodropError):
    """There is no such video, or it has no such result."""

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
