"""The context of a thread: the event, video, stage and lane that it works on.

Log lines contain these fields, and metrics take their labels from them, so code deep below a
handler needs no extra arguments. ``correlation_id`` is the EventBridge event's id, from the upload
to the API's response; runs of a replay also have its ``replay_id``. Within the API it is the
request's id.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_fields: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**fields: str | None) -> Iterator[None]:
    """Add fields to the context of the block; those that are None are left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _fields.set({**_fields.get(), **known})
    try:
        yield
    finally:
        _fields.reset(token)


def current() -> Mapping[str, str]:
    """Return the context of this thread."""
    return _fields.get()
