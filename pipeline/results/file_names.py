"""The file names that browsers save artifacts by."""

import re
from pathlib import PurePosixPath

from pipeline.core.records import Video

_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)


def file_name(video: Video, artifact: str) -> str:
    """Return the name to save an artifact by, safe on every file system and in a header."""
    stem = _UNSAFE.sub("_", PurePosixPath(video.upload.name).stem).strip("._-")
    return f"{stem[:80] or 'video'}-{_UNSAFE.sub('_', PurePosixPath(artifact).name)}"
