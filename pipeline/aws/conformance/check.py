"""A check of one behaviour of an endpoint."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws

_LOOK_S = 0.2


class Differs(Exception):
    """A difference between an endpoint and AWS."""


class Check(NamedTuple):
    """A behaviour that can be checked.

    Attributes:
        what: the behaviour.
        run: raises ``Differs`` or an error of boto3 if the endpoint behaves otherwise.
        otherwise: what follows from a difference.
        needed: whether videodrop needs it.
    """

    what: str
    run: Callable[[], None]
    otherwise: str
    needed: bool = True


def expect(found: Any, wanted: Any, what: str) -> None:
    """Raise ``Differs`` unless two values are equal."""
    if found != wanted:
        raise Differs(f"{what} is {found!r}, not {wanted!r}.")


def rejected(call: Callable[[], Any], codes: set[str], what: str) -> None:
    """Raise ``Differs`` unless a call is rejected with one of some codes."""
    try:
        call()
    except ClientError as error:
        if aws.code(error) not in codes:
            raise Differs(f"{what} is rejected with {aws.code(error)}.") from error
    else:
        raise Differs(f"{what} is not rejected.")


def awaited(look: Callable[[], Any], within_s: float) -> Any:
    """Return the first result of a call that is not empty; None if there is none in time."""
    end = time.monotonic() + within_s
    while not (found := look()) and time.monotonic() < end:
        time.sleep(_LOOK_S)
    return found
