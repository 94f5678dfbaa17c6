"""The words of a validation error, for people."""

from typing import Any


def message(error: Any) -> str:
    """Return the message of one of pydantic's errors, without the class that raised it.

    Args:
        error: one of ``ValidationError.errors()``.
    """
    return str(error["msg"]).removeprefix("Value error, ")
