"""The file names that browsers save artifacts by."""

import re
import unicodedata
from pathlib import PurePosixPath

from pipeline.core.records import Video

_ASCII_KEPT = frozenset("._-")
# Persian, Indic scripts and emoji need the joiners (ZWNJ, ZWJ).
_JOINERS = frozenset("\u200c\u200d")
# Controls, invisible marks such as those of direction, separators, surrogates, unassigned.
_REPLACED = ("C", "Z")
_RUN = re.compile("\0+")
_LONGEST_STEM = 80
# Linux limits a name to 255 bytes; the artifact's own name follows.
_LONGEST_STEM_BYTES = 160


def file_name(video: Video, artifact: str) -> str:
    """Return the name to save an artifact by, in any script and safe on every file system."""
    stem = _safe(PurePosixPath(video.upload.name).stem).strip("._-")
    cut = stem[:_LONGEST_STEM].encode()[:_LONGEST_STEM_BYTES].decode("utf-8", "ignore")
    return f"{cut or 'video'}-{_safe(PurePosixPath(artifact).name)}"


def _safe(name: str) -> str:
    """Replace runs of characters that are unsafe in a name by one underscore each."""
    kept = (c if _is_safe(c) else "\0" for c in unicodedata.normalize("NFC", name))
    return _RUN.sub("_", "".join(kept))


def _is_safe(c: str) -> bool:
    if c.isascii():
        return c.isalnum() or c in _ASCII_KEPT
    return c in _JOINERS or not unicodedata.category(c).startswith(_REPLACED)
