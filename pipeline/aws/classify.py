"""The classification of exceptions as failures of a stage run."""

import errno
import logging

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws import clients as aws
from pipeline.core.errors import (
    Bug,
    DependencyFailed,
    MissingDependency,
    OutOfMemory,
    VideodropError,
)

log = logging.getLogger(__name__)

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def classify(error: Exception) -> VideodropError:
    """Map any exception to one of our error classes.

    An unexpected one becomes a ``Bug``, and its traceback is logged.
    """
    match error:
        case VideodropError():
            return error
        case BotoCoreError() | ClientError():
            return aws.as_failure(error)
        case ImportError():
            return MissingDependency(
                "not_installed",
                f"This worker lacks a package ({error}). Install the stage's extra; "
                "`videodrop doctor` shows which.",
            )
        case _ if _is_out_of_memory(error):
            return OutOfMemory("out_of_memory", "The stage ran out of memory. Give it more.")
        case ConnectionError():
            return DependencyFailed("connection", f"A connection broke: {error}")
        case OSError() if error.errno in _DISK_FULL:
            return DependencyFailed(
                "disk_full",
                f"There is no space left for work files: {error}. Free some space, or "
                "set VIDEODROP_SCRATCH to a larger disk.",
            )
    log.error("unforeseen", exc_info=error)
    return Bug(
        "unexpected",
        f"{type(error).__name__}: {error}. This is a defect of videodrop; its log has the details.",
    )


def _is_out_of_memory(error: Exception) -> bool:
    """Return True for Python's error, and for torch's and CTranslate2's on a GPU.

    Those are no ``MemoryError``, and neither library is imported here.
    """
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or str(error) == "CUDA failed with error out of memory"
    )
