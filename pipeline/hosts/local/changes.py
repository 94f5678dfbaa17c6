"""The changes of a request: the parts of the state that it touches, and the bodies that it writes.

Patches of moto note each part that a request may change (``moto_patches.noted``). A part that was
noted and did not change does no harm.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

# A part's kind, and where it is: see ``parts``.
Place = tuple[Any, ...]

# Bodies up to this size are in the record itself: one sync stores both.
_INLINE_BYTES = 64 << 10


class Change:
    """The changes of one request.

    Args:
        keep: called to keep what has been changed so far, before other requests go on.

    Attributes:
        error: why a body could not be written; None if all could be.
        number: of the journal's record that has to be on the disk before the answer.
        bodies: small bodies that were written, by the names of their files.
        files: larger ones.
    """

    def __init__(self, keep: Callable[["Change"], object] = lambda _: None) -> None:
        self.error: OSError | None = None
        self.number = 0
        self.bodies: dict[str, bytes] = {}
        self.files: list[Path] = []
        self._keep = keep
        self._places: dict[Place, None] = {}

    def add(self, *place: Any) -> None:
        """Note a part of the state that may change or has changed."""
        self._places[place] = None

    def wrote(self, path: Path, body: bytes | None) -> None:
        """Note a new file with a body; ``body`` is None if it is not in memory."""
        if body is not None and len(body) <= _INLINE_BYTES:
            self.bodies[path.name] = body
        else:
            self.files.append(path)

    def take(self) -> list[Place]:
        """Return the parts noted since the last call, in their order."""
        places, self._places = list(self._places), {}
        return places

    def keep(self) -> None:
        """Keep what has been changed so far."""
        self._keep(self)


_PRESENT: ContextVar[Change | None] = ContextVar("change", default=None)


def present() -> Change | None:
    """Return the change of the request that this thread answers; None for one that only reads."""
    return _PRESENT.get()


def note(*place: Any) -> None:
    """Note a part of the state, if the request in hand may change any."""
    if (change := _PRESENT.get()) is not None:
        change.add(*place)


@contextmanager
def noting(change: Change) -> Iterator[None]:
    """Collect in ``change`` what this thread changes in the block."""
    token = _PRESENT.set(change)
    try:
        yield
    finally:
        _PRESENT.reset(token)
