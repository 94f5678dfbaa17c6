"""Pages of videos, newest first: walk the index, read in batches, filter, stop at a limit.

A filter that few videos pass must not turn a request into a scan. So each request reads a bounded
number of videos and returns a cursor to continue from.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.table import iso
from pipeline.core.errors import BadInput
from pipeline.core.records import ListedStatus, Video

EXAMINED = 200
"""Most videos that one request reads."""

# With four stages, that many videos are as many items as DynamoDB returns at once.
_BATCH = 20
_PLACE = re.compile(r"[0-9T:.-]{23}Z#[0-9a-f]{20}")


@dataclass(frozen=True)
class Filter:
    """A filter of videos; None for any.

    Attributes:
        label: a label of the video, in any case.
        prefix: beginning of its key or of its file name.
        after: uploaded at this time or later.
        before: uploaded earlier than this.
    """

    status: ListedStatus | None = None
    label: str | None = None
    prefix: str | None = None
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
        )


def page(
    catalog: Catalog, wanted: Filter, *, cursor: str | None = None, limit: int
) -> tuple[list[Video], str | None]:
    """Return at most ``limit`` videos, and the cursor of the next page.

    A page can be short, or empty, and still have a cursor: then the search continues there.

    Raises:
        BadInput: ``invalid_cursor``.
    """
    starts = [decode(cursor)] if cursor else []
    if wanted.before:
        starts.append(iso(wanted.before))
    places = catalog.newest(before=min(starts, default=None), label=wanted.label)
    if wanted.after:
        oldest = iso(wanted.after)
        places = takewhile(lambda place: place >= oldest, places)
    found: list[Video] = []
    last = None
    for place, video in read(catalog, islice(places, EXAMINED)):
        if len(found) == limit:
            return found, encode(last or "")
        last = place
        # A place that differs from the video's own is left over from an earlier upload.
        if video and place == place_of(video) and wanted.passes(video):
            found.append(video)
    more = next(places, None) is not None
    return found, encode(last or "") if more else None


def labels(catalog: Catalog, *, cursor: str | None = None) -> tuple[Counter[str], int, str | None]:
    """Count the labels of the newest videos: of those that one request reads.

    Returns:
        The number of videos by label, the number of all videos among them, and the cursor from
        which the count continues.

    Raises:
        BadInput: ``invalid_cursor``.
    """
    places = catalog.newest(before=decode(cursor) if cursor else None)
    found: Counter[str] = Counter()
    count, last = 0, ""
    for place, video in read(catalog, islice(places, EXAMINED), brief=True):
        last = place
        if video and place == place_of(video) and not video.deleted_at:
            count += 1
            found.update(video.labels)
    return found, count, encode(last) if next(places, None) is not None else None


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
    catalog: Catalog, places: Iterator[str], *, brief: bool = False
) -> Iterator[tuple[str, Video | None]]:
    """Yield each place (it ends in ``#{video_id}``) with its video, read in batches.

    Args:
        catalog: the catalog.
        places: of the videos.
        brief: see ``Catalog.videos``.
    """
    while batch := list(islice(places, _BATCH)):
        ids = [place.rpartition("#")[2] for place in batch]
        videos = {video.video_id: video for video in catalog.videos(ids, brief=brief)}
        yield from ((place, videos.get(vid)) for place, vid in zip(batch, ids, strict=True))


def place_of(video: Video) -> str:
    """Return a video's place in time: the time of its upload, and its id."""
    return f"{iso(video.upload.time)}#{video.video_id}"
