"""The keys of uploads: a folder of its own for each video, and the file's name in it.

    videos/20260131T120000123-1f2e3d/holiday.mp4
    videos/20260131T120000123-1f2e3d/holiday.de.srt     captions of that video

So no upload of ours replaces another, and names are never compared. The folders sort by time.
"""

import secrets
import unicodedata
from datetime import UTC, datetime

from pipeline.core.errors import InvalidArgument

_LONGEST = 255  # bytes; file systems allow no longer name, and a key may have 1,024


def new_folder(prefix: str) -> str:
    """Return a folder below a prefix that no other upload has."""
    now = datetime.now(UTC)
    # The random end distinguishes two of one millisecond.
    stamp = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}"
    return f"{prefix}{stamp}-{secrets.token_hex(4)}/"


def checked(name: str) -> str:
    """Return a file name that can be the last part of a key.

    Raises:
        InvalidArgument: ``bad_name``.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidArgument(
            "bad_name", f"Rename {name!a}: S3 takes names in UTF-8 only."
        ) from error
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise InvalidArgument("bad_name", f"Rename {name!a}: give the name of a file, not a path.")
    if size > _LONGEST:
        raise InvalidArgument(
            "bad_name", f"Shorten the name {name[:40]}…: it has {size:,} bytes, at most {_LONGEST}."
        )
    return name


def stem(name: str) -> str:
    """Return a file name without its extension, in the form in which equal names are equal."""
    return unicodedata.normalize("NFC", name.rpartition(".")[0] or name)
