"""A time in a request: with its offset, and within the years that UTC has."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC this is not a time of the years 1 to 9999") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
