"""What can go wrong, as one small tree.

    VideodropError            class           retry?  who can help
    ├── BadInput              bad_input       no      the uploader
    ├── LimitExceeded         limit           no      the uploader, or the operator (limits)
    ├── DependencyFailed      dependency      yes     nobody: S3 or DynamoDB had a bad moment
    ├── MissingDependency     dependency      no      the operator: something is not installed
    ├── TimedOut              timeout         no      the operator: more time, or a smaller job
    ├── OutOfMemory           out_of_memory   no      the operator: more memory, or a smaller job
    ├── Outgrown              timeout         yes     nobody: a worker for large jobs takes it on
    ├── Lost                  lost            yes     nobody: the process that ran it went away
    └── Bug                   bug             no      us

A stage run that ends badly is recorded as ``{class, code, message, retryable}``. ``code`` is a
stable snake_case word for programs; ``message`` is one or two sentences for a person: what was
wrong and what to do. Whether to retry is data on the class, never decided where it is caught.

``LeaseLost``, ``Busy`` and ``Superseded`` are not failures of a run and stand outside the tree:
they say that it belongs to another worker, or to a later upload.
"""

from typing import ClassVar, Literal

FailureClass = Literal[
    "bad_input", "limit", "dependency", "timeout", "out_of_memory", "lost", "bug"
]


class VideodropError(Exception):
    """Base of every failure that a stage run can record."""

    failure_class: ClassVar[FailureClass] = "bug"
    retryable: ClassVar[bool] = False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.failure_class}/{self.code}]"


class BadInput(VideodropError):
    """The upload, or an option that came with it, cannot be processed as it is."""

    failure_class = "bad_input"


class LimitExceeded(VideodropError):
    """The input is sound but larger than this installation allows."""

    failure_class = "limit"


class DependencyFailed(VideodropError):
    """A service or tool failed in a way that may pass."""

    failure_class = "dependency"
    retryable = True


class MissingDependency(VideodropError):
    """A tool, package or model that the operator has to install."""

    failure_class = "dependency"


class TimedOut(VideodropError):
    """The run reached its deadline; the same work would reach it again."""

    failure_class = "timeout"


class Outgrown(VideodropError):
    """The run is too large for this host, and another one takes it on."""

    failure_class = "timeout"
    retryable = True


class OutOfMemory(VideodropError):
    """The run reached its memory limit; the same work would reach it again."""

    failure_class = "out_of_memory"


class Lost(VideodropError):
    """The process that held the lease died or was cut off without a word."""

    failure_class = "lost"
    retryable = True


class Bug(VideodropError):
    """Anything we did not foresee; the traceback is in the log."""


class LeaseLost(Exception):
    """Our lease on a stage run was taken over: stop at once and write nothing more."""


class Busy(Exception):
    """Another worker holds a live lease on this stage run.

    Attributes:
        seconds: how long that lease still lasts, at least 1.
        large: whether it came by a lane for large jobs, and may be there for hours.
    """

    def __init__(self, seconds: float, *, large: bool = False) -> None:
        super().__init__(f"another worker holds the lease for {seconds:.0f} s more")
        self.seconds = max(1.0, seconds)
        self.large = large


class Superseded(Exception):
    """A later upload or a deletion of the same key is already known."""
