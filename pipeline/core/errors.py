"""The errors of the project, as one small tree.

    VideodropError            class           retry?  HTTP  exit
    ├── BadInput              bad_input       no      422   1
    │   ├── InvalidArgument                           422   2
    │   ├── NotFound                                  404   3
    │   ├── Gone                                      410   3
    │   └── Conflict                                  409   1
    │       └── NothingEarlier                        409   3
    ├── LimitExceeded         limit           no      422   1
    ├── DependencyFailed      dependency      yes     503   1
    │   └── Outage                                    503   1
    │       └── Unreachable                           503   4
    ├── MissingDependency     dependency      no      500   6
    │   └── InvalidSettings                           500   2
    ├── TimedOut              timeout         no      500   5
    │   └── Interrupted                               500   130
    ├── OutOfMemory           out_of_memory   no      500   1
    ├── Lost                  lost            yes     503   1
    └── Bug                   bug             no      500   1

A failed stage run is recorded as ``{class, code, message, retryable}``. ``code`` is a
stable snake_case word for programs, and belongs to one class. ``message`` is one or two sentences
for a person: the problem and its remedy. The retry, the HTTP status and the exit code are data of
the class, never decided where an error is caught. ``docs/reference/errors.md`` lists all.

``LeaseLost``, ``Busy`` and ``Superseded`` are not failures of a run and stand outside the tree:
they mean that it belongs to another worker, or to a later upload. So does ``NotAnnounced``: the run
has ended, and its event is still to be sent.
"""

from typing import ClassVar, Literal

FailureClass = Literal[
    "bad_input", "limit", "dependency", "timeout", "out_of_memory", "lost", "bug"
]


class VideodropError(Exception):
    """The base of every failure that a stage run can record.

    Attributes:
        failure_class: the class that a run's record names.
        retryable: whether the same work may succeed when it is tried again.
        http_status: what the API answers with. The message of a status of 500 or more is logged
            and not shown.
        exit_code: what the command line ends with; ``pipeline.cli.exits`` names them.
    """

    failure_class: ClassVar[FailureClass] = "bug"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.failure_class}/{self.code}]"


class BadInput(VideodropError):
    """An upload, or an option that came with it, that cannot be processed as it is."""

    failure_class = "bad_input"
    http_status = 422


class InvalidArgument(BadInput):
    """An option, a name or an answer that the caller can correct."""

    exit_code = 2


class NotFound(BadInput):
    """A video, result or replay that does not exist."""

    http_status = 404
    exit_code = 3


class Gone(BadInput):
    """A video or version that existed and was deleted."""

    http_status = 410
    exit_code = 3


class Conflict(BadInput):
    """A request that the present state does not allow."""

    http_status = 409


class NothingEarlier(Conflict):
    """A rollback of a stage that has no earlier version."""

    exit_code = 3


class LimitExceeded(VideodropError):
    """A sound input that is larger than this installation allows."""

    failure_class = "limit"
    http_status = 422


class DependencyFailed(VideodropError):
    """A temporary failure of a service or tool."""

    failure_class = "dependency"
    retryable = True
    http_status = 503


class Outage(DependencyFailed):
    """A service of AWS that failed, or asked for fewer requests; no try of a run counts."""


class Unreachable(Outage):
    """An endpoint of AWS that did not respond."""

    exit_code = 4


class MissingDependency(VideodropError):
    """A tool, package or model that the operator has to install."""

    failure_class = "dependency"
    exit_code = 6


class InvalidSettings(MissingDependency):
    """A setting or a file of the operator that has to be corrected."""

    exit_code = 2


class TimedOut(VideodropError):
    """The run reached its deadline; the same work would reach it again."""

    failure_class = "timeout"
    exit_code = 5


class Interrupted(TimedOut):
    """A command that Ctrl-C ended before its result was known."""

    exit_code = 130


class OutOfMemory(VideodropError):
    """The run reached its memory limit; the same work would reach it again."""

    failure_class = "out_of_memory"


class Lost(VideodropError):
    """The process that held the lease died, or its message was lost."""

    failure_class = "lost"
    retryable = True
    http_status = 503


class Bug(VideodropError):
    """An unexpected error; its traceback is in the log."""


class LeaseLost(Exception):
    """Our lease on a stage run was taken over: stop at once and write nothing more."""


class Busy(Exception):
    """Another worker holds a live lease on this stage run.

    Attributes:
        seconds: how long that lease still lasts, at least 1.
        longest_s: how long that worker may still run, if known, else 0.
        spread: True if several workers do its ranges, which may take hours.
    """

    def __init__(self, seconds: float, *, longest_s: float = 0.0, spread: bool = False) -> None:
        super().__init__(f"another worker holds the lease for {seconds:.0f} s more")
        self.seconds = max(1.0, seconds)
        self.longest_s = longest_s
        self.spread = spread


class Superseded(Exception):
    """A later upload or a deletion of the same key is already known."""


class NotAnnounced(Exception):
    """A change whose event the bus did not take: handle its message again."""
