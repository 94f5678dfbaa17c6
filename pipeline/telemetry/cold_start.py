"""A handler's initialisation: what a cold start waits for before its first event.

Importing makes objects by the hundred thousand, none of which is garbage. Python's collector looks
through them again and again all the same, which takes a fifth of the whole. So it stands aside.
"""

import gc
import os


def hosted() -> bool:
    """Whether this process is a Lambda function's, there or at a worker; else it only imports."""
    return "AWS_LAMBDA_RUNTIME_API" in os.environ


def begin() -> None:
    """Collect no garbage until ``end``."""
    if hosted():
        gc.disable()


def end() -> None:
    """Collect again, but never look at what has been imported: it stays."""
    if hosted():
        gc.freeze()
        gc.enable()
