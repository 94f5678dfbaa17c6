"""The objects that are processed, and their kinds: by bucket, key and size alone.

File managers, browsers and sync tools leave files beside videos. They start no work. Any other
object counts as media: its content decides what it is.
"""

from typing import Literal

from pipeline.core.errors import BadInput

Kind = Literal["media", "captions", "other"]

PARTIAL = (
    *(".!qb", ".!ut", ".aria2", ".bc!", ".crdownload", ".download", ".filepart", ".opdownload"),
    *(".part", ".partial", ".swp", ".temp", ".tmp", ".ytdl", "~"),
)
"""Suffixes of incomplete files of browsers, download tools and editors."""

MAX_CAPTIONS_BYTES = 2 << 20
"""Largest file of captions; a film has about 100 KB."""

_CAPTIONS = (".srt", ".vtt")
# Files about a video: other formats of subtitles, metadata and checksums.
_ABOUT = (
    *(".ass", ".dfxp", ".idx", ".lrc", ".sami", ".sbv", ".scc", ".smi", ".ssa", ".stl", ".sub"),
    *(".ttml", ".aae", ".description", ".info.json", ".nfo", ".thm", ".xmp"),
    *(".md5", ".sfv", ".sha1", ".sha256", ".lnk", ".torrent", ".url"),
)
_SYSTEM_FILES = {"desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "icon\r", "thumbs.db"}
_SYSTEM_FOLDERS = {
    *("#recycle", "$recycle.bin", "@eadir", "__macosx", "lost+found"),
    "system volume information",
}
# The S3 console ends the key of an empty folder in a slash, and Hadoop in this word.
_FOLDER_MARKS = ("/", "_$folder$")


def kind(key: str, size: int) -> Kind:
    """Return the kind of an object: media to process, captions of a video, or neither.

    Args:
        key: of the object.
        size: in bytes.
    """
    *folders, name = key.casefold().split("/")
    if size == 0 and key.endswith(_FOLDER_MARKS):
        return "other"
    if any(_is_hidden(part) for part in (*folders, name)) or _SYSTEM_FOLDERS.intersection(folders):
        return "other"
    if name in _SYSTEM_FILES or name.startswith("~$") or name.endswith((*PARTIAL, *_ABOUT)):
        return "other"
    if name.endswith(_CAPTIONS):
        return "captions" if size <= MAX_CAPTIONS_BYTES else "other"
    return "media"


def check_place(bucket: str, key: str, *, ours: str, prefix: str) -> None:
    """Check that an object is one that this installation processes.

    Args:
        bucket: of the object.
        key: of the object.
        ours: the bucket of uploads.
        prefix: of the keys of uploads.

    Raises:
        BadInput: ``foreign_object``.
    """
    if bucket != ours or not key.startswith(prefix):
        raise BadInput(
            "foreign_object",
            f"This event is about {key!r} in the bucket {bucket!r}. This installation processes "
            f"s3://{ours}/{prefix}… only.",
        )


def _is_hidden(part: str) -> bool:
    """Return True for a dot file or a dot folder, also those that macOS writes (``._name``)."""
    return part.startswith(".") and part.strip(".") != ""
