"""Blocks of a file that lies elsewhere: fetched ahead of sequential reading, and kept for a while.

Programs that read media read the header several times, then one place after another. The blocks
that are fetched first are kept, since they have the header. Of the others, those used last are.
A block after another one is larger, up to a limit. So sequential reading takes few requests, and a
seek leaves little unread. Where it is known what will be read, blocks end with that.
"""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from pipeline.core.errors import DependencyFailed
from pipeline.media.excerpt import Excerpt

Read = Callable[[int, int], bytes]
"""A function from the offsets of the first byte and after the last to these bytes."""

# Bytes of a block by those read in sequence before it: what is unread at the end is at most 6 % of
# a long part. A part of 15 MB takes 60 requests, a file of 1 GB 310.
_SMALLEST = 64 << 10
_LARGEST = 4 << 20
_SHARE = 16
_EXPECTED = 2 << 20  # of what will be read
_KEPT = 16 << 20  # of the blocks fetched first
_RECENT = 12 << 20  # of the others
_NEAR = 64 << 10  # bytes before an empty sample, which are read if it is near
_LEFT_OUT = (
    "A range needs more of its source's index than its plan gave it. It is tried again with all."
)


class _Block(NamedTuple):
    start: int
    data: bytes
    run: int  # bytes in sequence up to its end

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class Blocks:
    """A file as blocks. All methods may be called from several threads.

    Args:
        size: bytes of the file.
        read: fetches a part of it.
        excerpt: what is known of it.

    Attributes:
        size: bytes of the file.
        fetched: bytes fetched so far; those fetched twice count twice.
        requests: number of fetches.
    """

    def __init__(self, size: int, read: Read, excerpt: Excerpt = Excerpt()) -> None:  # noqa: B008
        self.size = size
        self.fetched = 0
        self.requests = 0
        self._read = read
        self._media = excerpt.media
        self._blank = excerpt.blank
        self._lock = threading.Lock()
        self._known = [
            _Block(one.start, one.content.ljust(one.size, b"\0"), 0) for one in excerpt.known
        ]
        self._first: list[_Block] = []
        self._recent: list[_Block] = []  # the one used last is last
        self._error: Exception | None = None
        self._waited_s = 0.0
        self._since: float | None = None  # the fetch in progress began

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` to ``end``, at most those of the file.

        Raises:
            Exception: any of ``read``.
        """
        end, parts = min(end, self.size), []
        while start < end:
            parts.append(self.piece(start)[: end - start])
            start += len(parts[-1])
        return b"".join(parts)

    def piece(self, start: int) -> memoryview:
        """Return bytes from ``start`` on, at least one, as many as its block has.

        Raises:
            DependencyFailed: ``index_left_out``: the excerpt lacks samples that are read.
            Exception: any of ``read``; after the first, all calls raise it.
        """
        with self._lock:
            self.check()
            block = self._found(start) or self._fetched(start)
            self._check_blank(start, block.end)
            return memoryview(block.data)[start - block.start :]

    def has(self, start: int) -> bool:
        """Return whether the byte at ``start`` is here."""
        with self._lock:
            return self._found(start) is not None

    def begin(self, start: int) -> None:
        """Check that reading may begin at ``start``.

        Raises:
            DependencyFailed: ``index_left_out``: see ``piece``.
        """
        with self._lock:
            self._check_blank(start, start + 1)

    def check(self) -> None:
        """Raise the error of the first fetch that failed, if there is one."""
        if self._error is not None:
            raise self._error

    def waited(self) -> float:
        """Return the seconds that fetches took so far, the one in progress included."""
        since = self._since
        return self._waited_s + (0.0 if since is None else time.monotonic() - since)

    def _check_blank(self, start: int, end: int) -> None:
        if any(start <= place and end > place - _NEAR for place in self._blank):
            self._error = self._error or DependencyFailed("index_left_out", _LEFT_OUT)
            raise self._error

    def _found(self, start: int) -> _Block | None:
        for block in (*self._known, *self._first):
            if block.start <= start < block.end:
                return block
        for number, block in enumerate(self._recent):
            if block.start <= start < block.end:
                self._recent.append(self._recent.pop(number))
                return block
        return None

    def _fetched(self, start: int) -> _Block:
        here = [*self._known, *self._first, *self._recent]
        place = bisect_right(self._media, start, key=lambda one: one[0]) - 1
        if place >= 0 and start < (until := self._media[place][1]):
            run, size = -1, min(_EXPECTED, until - start)
        else:
            run = max((block.run for block in here if block.end == start), default=0)
            size = min(_LARGEST, max(_SMALLEST, run // _SHARE))
        end = start + size
        end = min([self.size, end, *(block.start for block in here if block.start > start)])
        self._since = time.monotonic()
        try:
            data = self._read(start, end)
        except Exception as error:
            self._error = error
            raise
        finally:
            self._waited_s, self._since = self.waited(), None
        self.fetched += len(data)
        self.requests += 1
        block = _Block(start, data, 0 if run < 0 else run + len(data))
        self._keep(block)
        return block

    def _keep(self, block: _Block) -> None:
        if sum(len(one.data) for one in self._first) + len(block.data) <= _KEPT:
            self._first.append(block)
            return
        self._recent.append(block)
        while sum(len(one.data) for one in self._recent) > _RECENT:
            self._recent.pop(0)
