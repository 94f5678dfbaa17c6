"""The words of a validation error, for people, and a type that is stricter than pydantic's."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator


def message(error: Any) -> str:
    """Return the message of one of pydantic's errors, without the class that raised it.

    Args:
        error: one of ``ValidationError.errors()``.
    """
    return str(error["msg"]).removeprefix("Value error, ")


def _no_number(value: Any) -> Any:
    """Reject a number, which pydantic takes for seconds since 1970."""
    text = str(value).strip()
    if isinstance(value, int | float) or text.lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("Input should be a date and time such as 2026-01-31T12:00:00Z")
    return value


def _in_utc(given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC this is not a time of the years 1 to 9999") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_utc)]
"""A time with its offset, in the form of RFC 3339 alone, within the years that UTC has."""
