"""The conformance of the configured endpoints: what this project relies on, asked of each.

Temporary resources are made for it, and removed afterwards; nothing else is touched.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple
from uuid import uuid4

from pipeline.aws import clients as aws
from pipeline.aws.conformance import events, queue, store, table
from pipeline.aws.conformance.check import Check, Differs

_GROUPS: tuple[tuple[str, Callable[[str, ExitStack], list[Check]]], ...] = (
    ("S3", store.checks),
    ("DynamoDB", table.checks),
    ("SQS", queue.checks),
    ("EventBridge", events.checks),
)


class Finding(NamedTuple):
    """The result of one check.

    Attributes:
        service: of AWS.
        what: the checked behaviour.
        holds: whether the endpoint behaves so.
        needed: whether videodrop works without it.
        detail: what differs, and what follows from it; empty if nothing differs.
        seconds: that the check took.
    """

    service: str
    what: str
    holds: bool
    needed: bool
    detail: str
    seconds: float


def examine() -> Iterator[Finding]:
    """Check the endpoints of this process's environment; yield the findings of each service.

    A service whose resources cannot be made has one finding.
    """
    name = f"videodrop-conform-{uuid4().hex[:12]}"
    with ThreadPoolExecutor(len(_GROUPS)) as pool:  # most of the time is waiting
        for found in pool.map(lambda group: _examined(*group, name=name), _GROUPS):
            yield from found


def _examined(
    service: str, made: Callable[[str, ExitStack], list[Check]], *, name: str
) -> list[Finding]:
    begun = time.monotonic()
    with ExitStack() as leaving:
        try:
            checks = made(name, leaving)
        except (Differs, *aws.ERRORS) as error:
            return [Finding(service, "is there", False, True, str(error), time.monotonic() - begun)]
        return [_finding(service, one) for one in checks]


def _finding(service: str, one: Check) -> Finding:
    begun, wrong = time.monotonic(), ""
    try:
        one.run()
    except (Differs, KeyError, *aws.ERRORS) as error:
        wrong = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
    detail = f"{wrong} {one.otherwise}".strip() if wrong else ""
    return Finding(service, one.what, not wrong, one.needed, detail, time.monotonic() - begun)
