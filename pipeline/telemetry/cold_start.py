"""The initialisation of a handler, which a cold start waits for before its first event.

Imports make hundreds of thousands of objects, none of which is garbage. Python's garbage collector
still scans them repeatedly, which takes a fifth of the time. So it is disabled meanwhile.
"""

import gc
import os


def hosted() -> bool:
    """Return True if this process runs a Lambda function, on AWS or on a worker."""
    return "AWS_LAMBDA_RUNTIME_API" in os.environ


def begin() -> None:
    """Disable garbage collection until ``end``."""
    if hosted():
        gc.disable()


def end() -> None:
    """Enable garbage collection again, without the objects that imports made."""
    if hosted():
        gc.freeze()
        gc.enable()
