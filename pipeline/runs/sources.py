"""The source of a job: a copy of a small file, or the address of a large one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.parts import WithoutRanges
from pipeline.aws.source_files import Download
from pipeline.core.errors import LimitExceeded
from pipeline.core.events import Upload
from pipeline.core.location import Address, Location
from pipeline.core.media_info import Limits
from pipeline.core.stage import Report
from pipeline.media import served
from pipeline.media.excerpt import Excerpt, Known
from pipeline.runs import room

# Several programs read a file one after another. For a small one, a single download takes fewer
# requests, and so much disk is everywhere: a minute of high-definition video.
LARGEST_COPY = 64 << 20
# Of a video that may be spread, the plan reads little, and ranges read the rest. A smaller one is
# seldom spread, and copied at once.
LARGEST_PLANNED_COPY = 8 << 20
_FIRST = 64 << 10  # bytes that every program reads


@dataclass(frozen=True)
class Opened:
    """A source that can be read.

    Attributes:
        location: its place.
        bytes_read: returns how many bytes of it were read from S3 so far.
        whole: returns the place from which to read all of it: a copy, if it is small.
    """

    location: Location
    bytes_read: Callable[[], int]
    whole: Callable[[], Location]

    def check(self) -> None:
        """Raise the error of the first read that failed, if there is one."""
        if isinstance(self.location, Address):
            self.location.check()


@contextmanager
def opened(
    artifacts: Artifacts,
    upload: Upload,
    folder: Path,
    report: Report,
    *,
    whole: bool = True,
    in_parts: bool = False,
    excerpt: bytes = b"",
    begun: Download | None = None,
) -> Iterator[Opened]:
    """Make a source readable until the context ends.

    Args:
        artifacts: the buckets.
        upload: the source.
        folder: where a copy is written.
        report: receives the progress of the download.
        whole: False if perhaps only a part will be read: then a small source is served too.
        in_parts: True if parts of the source were read already, so that they can be.
        excerpt: what is known of the source, as ``Excerpt.packed`` returned it.
        begun: a download of it that has begun, for a copy.

    Raises:
        BadInput: ``source_missing``: it was deleted in the meantime.
        Changed: it was replaced in the meantime.
        DependencyFailed: S3 failed, or ``disk_full``.
        LimitExceeded: ``disk_too_small`` for a copy.
    """
    path = folder / "source"  # a fixed name: an uploader's file name reaches no command line
    copied = 0

    def copy() -> Path:
        nonlocal copied
        if not copied:
            room.check_copy(upload, folder)
            if begun:
                begun.save(path, report)
            else:
                artifacts.fetch(upload, path, report)
            copied = upload.size
        return path

    read = artifacts.reader(upload)
    known: Excerpt | None = None
    if in_parts:
        known = Excerpt.of_packed(excerpt) if excerpt else Excerpt()
    elif not (whole and is_copied(upload)):
        known = _first(read, upload)
    if known is None:
        yield Opened(copy(), lambda: copied, copy)
        return
    before = len(excerpt) or sum(len(one.content) for one in known.known)
    with served.serve(upload.size, read, known) as (address, blocks):
        report(1.0)
        yield Opened(
            address,
            lambda: before + blocks.fetched + copied,
            lambda: copy() if is_copied(upload) else address,
        )


def _first(read: Callable[[int, int], bytes], upload: Upload) -> Excerpt | None:
    """Return the start of a source; None if this implementation of S3 sends no parts of it."""
    try:
        return Excerpt(known=(Known.of(0, read(0, min(_FIRST, upload.size))),))
    except WithoutRanges:
        return None


def is_copied(upload: Upload) -> bool:
    """Return whether a source of which all is read is copied to disk, by its size."""
    return upload.size <= LARGEST_COPY


def is_planned_from_a_copy(upload: Upload) -> bool:
    """Return whether a source is copied to disk before it is known whether it will be spread."""
    return upload.size <= LARGEST_PLANNED_COPY


def check_size(upload: Upload, limits: Limits) -> None:
    """Reject a source that is too large, before anything of it is read.

    Raises:
        LimitExceeded: ``too_large``.
    """
    if upload.size > limits.max_bytes:
        raise LimitExceeded(
            "too_large",
            f"The file has {upload.size:,} bytes; at most {limits.max_bytes:,} are allowed.",
        )
