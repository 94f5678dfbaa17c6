"""What a thread is about at this moment: which event, video, stage and lane.

Log lines carry these fields, and metrics take their labels from them, so that code deep below a
handler need not be told. ``correlation_id`` is the EventBridge event's id, from the upload to the
answer of the API; for a replay's runs ``replay_id`` says which. Within the API it is the request's.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_fields: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**fields: str | None) -> Iterator[None]:
    """Say what the block is about, on top of what is known already; None says nothing."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _fields.set({**_fields.get(), **known})
    try:
        yield
    finally:
        _fields.reset(token)


def current() -> Mapping[str, str]:
    """What this thread is about."""
    return _fields.get()
