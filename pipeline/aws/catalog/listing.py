"""Pages of videos, by time: walk the index, read in batches, filter, stop at a limit.

A filter that few videos pass must not turn a request into a scan. So each request reads a bounded
number of videos and returns a cursor to continue from.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice, takewhile

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.named import has_words, words
from pipeline.aws.catalog.table import iso
from pipeline.core.errors import BadInput
from pipeline.core.records import Video
from pipeline.core.status import ListedStatus

EXAMINED = 200
"""Most videos that one request reads."""
COUNTED = 10_000
"""Most videos that are counted."""

# With four stages, that many videos are as many items as DynamoDB returns at once.
_BATCH = 20
_PLACE = re.compile(r"[0-9T:.-]{23}Z#[0-9a-f]{20}")


@dataclass(frozen=True)
class Filter:
    """A filter of videos; None for any.

    Attributes:
        label: a label of the video, in any case.
        prefix: beginning of its key or of its file name.
        name: words of its file name; each may be the beginning of one.
        language: code of what is spoken.
        shortest_s: it lasts at least so many seconds.
        longest_s: it lasts at most so many seconds.
        after: uploaded at this time or later.
        before: uploaded earlier than this.
    """

    status: ListedStatus | None = None
    label: str | None = None
    prefix: str | None = None
    name: str | None = None
    language: str | None = None
    shortest_s: float | None = None
    longest_s: float | None = None
    after: datetime | None = None
    before: datetime | None = None

    def passes(self, video: Video) -> bool:
        """Return True if ``video`` passes, by its present state: an index may be behind."""
        return (
            not video.deleted_at
            and self.status in {None, video.status}
            and (self.label is None or self.label.lower() in video.labels)
            and any(
                name.startswith(self.prefix or "") for name in (video.upload.key, video.upload.name)
            )
            and has_words(video.upload.name, self._words)
            and (self.language is None or self.language in video.languages)
            and self._lasts(video)
        )

    def _lasts(self, video: Video) -> bool:
        if self.shortest_s is None and self.longest_s is None:
            return True
        lasts_s = video.probe.duration_s if video.probe else None
        return lasts_s is not None and (
            (self.shortest_s or 0.0) <= lasts_s <= (self.longest_s or float("inf"))
        )

    @cached_property
    def _words(self) -> list[str]:
        return words(self.name or "")

    @property
    def is_counted(self) -> bool:
        """Return whether the number of its videos is known without reading them."""
        return self == Filter(label=self.label)

    @property
    def is_indexed(self) -> bool:
        """Return whether an index finds its videos, so that nearly all that are read pass."""
        return self == Filter(label=self.label, after=self.after, before=self.before)


def page(
    catalog: Catalog,
    wanted: Filter,
    *,
    cursor: str | None = None,
    limit: int,
    oldest_first: bool = False,
) -> tuple[list[Video], str | None]:
    """Return at most ``limit`` videos, and the cursor of the next page.

    A page can be short, or empty, and still have a cursor: then the search continues there. What is
    read depends on ``limit`` and the filter, and not on how many videos there are.

    Raises:
        BadInput: ``invalid_cursor``.
    """
    walk = _rising if oldest_first else _falling
    # One place more tells whether there are further videos.
    at_once = 1 + (min(limit, EXAMINED) if wanted.is_indexed else EXAMINED)
    places = walk(catalog, wanted, decode(cursor) if cursor else None, at_once)
    found: list[Video] = []
    last, left = "", EXAMINED
    while left:
        step = limit - len(found) if wanted.is_indexed else _BATCH
        batch = list(islice(places, min(step, _BATCH, left)))
        if not batch:
            return found, None
        left -= len(batch)
        for place, video in read(catalog, batch):
            last = place
            # A place that differs from the video's own is left over from an earlier upload.
            if video and place == place_of(video) and wanted.passes(video):
                found.append(video)
            if len(found) == limit:
                left = 0
                break
    more = last != batch[-1] or next(places, None) is not None
    return found, encode(last) if more else None


def labels(catalog: Catalog, *, cursor: str | None = None) -> tuple[Counter[str], int, str | None]:
    """Count the labels of the newest videos: of those that one request reads.

    Returns:
        The number of videos by label, the number of all videos among them, and the cursor from
        which the count continues.

    Raises:
        BadInput: ``invalid_cursor``.
    """
    before = decode(cursor) if cursor else None
    places = catalog.timeline.newest(before=before, at_once=EXAMINED + 1)
    found: Counter[str] = Counter()
    count, last = 0, ""
    for place, video in read(catalog, islice(places, EXAMINED), brief=True):
        last = place
        if video and place == place_of(video) and not video.deleted_at:
            count += 1
            found.update(video.labels)
    return found, count, encode(last) if next(places, None) is not None else None


def _falling(catalog: Catalog, wanted: Filter, cursor: str | None, at_once: int) -> Iterator[str]:
    """Yield the places of the videos that may pass, newest first, from the cursor on."""
    starts = [*([cursor] if cursor else []), *([iso(wanted.before)] if wanted.before else [])]
    start = min(starts, default=None)
    oldest = iso(wanted.after) if wanted.after else ""
    named = catalog.named.places(wanted.name) if wanted.name else None
    if named is None:
        places = catalog.timeline.newest(before=start, label=wanted.label, at_once=at_once)
    else:
        places = (place for place in reversed(named) if start is None or place < start)
    return takewhile(lambda place: place >= oldest, places)


def _rising(catalog: Catalog, wanted: Filter, cursor: str | None, at_once: int) -> Iterator[str]:
    """Yield the places of the videos that may pass, oldest first, from the cursor on."""
    starts = [*([cursor] if cursor else []), *([iso(wanted.after)] if wanted.after else [])]
    start = max(starts, default=None)
    named = catalog.named.places(wanted.name) if wanted.name else None
    if named is None:
        places = catalog.timeline.oldest(after=start, label=wanted.label, at_once=at_once)
    else:
        places = (place for place in named if start is None or place > start)
    end = iso(wanted.before) if wanted.before else None
    return takewhile(lambda place: end is None or place < end, places)


def encode(place: str) -> str:
    """Encode a place in time as a cursor."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """Decode a cursor to a place in time.

    Raises:
        BadInput: ``invalid_cursor``.
    """
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        place = ""
    if not _PLACE.fullmatch(place):
        raise BadInput("invalid_cursor", "This cursor is not valid. Start without one.")
    return place


def read(
    catalog: Catalog, places: Iterable[str], *, brief: bool = False
) -> Iterator[tuple[str, Video | None]]:
    """Yield each place (it ends in ``#{video_id}``) with its video, read in batches.

    Args:
        catalog: the catalog.
        places: of the videos.
        brief: see ``Catalog.videos``.
    """
    left = iter(places)
    while batch := list(islice(left, _BATCH)):
        ids = [place.rpartition("#")[2] for place in batch]
        videos = {video.video_id: video for video in catalog.videos(ids, brief=brief)}
        yield from ((place, videos.get(vid)) for place, vid in zip(batch, ids, strict=True))


def place_of(video: Video) -> str:
    """Return a video's place in time: the time of its upload, and its id."""
    return f"{iso(video.upload.time)}#{video.video_id}"
