"""The addition of files on disk: each under a key of its own, and no bytes twice."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.aws.catalog import Catalog
from pipeline.aws.uploads import Uploads
from pipeline.core import content, sidecar, upload_key
from pipeline.core.errors import InvalidArgument
from pipeline.core.records import Video


class Added(NamedTuple):
    """A video that a file was added as.

    Attributes:
        video_id: its id.
        key: its key in the uploads bucket.
        there: True if its bytes were there already, and nothing was uploaded.
    """

    video_id: str
    key: str
    there: bool


class Adder:
    """The addition of files to the uploads bucket; threads may share it.

    Args:
        uploads: the bucket.
        catalog: the records.
    """

    def __init__(self, uploads: Uploads, catalog: Catalog) -> None:
        self._uploads = uploads
        self._catalog = catalog
        self._lock = threading.Lock()
        self._mine: dict[str, Added] = {}  # by content id

    def add(
        self,
        path: Path,
        *,
        options: Mapping[str, str] | None = None,
        replace: Video | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> Added:
        """Upload a video, unless one with the same bytes is there.

        Args:
            path: the file.
            options: per-upload options, without their prefix.
            replace: the video whose new revision it is; by default, it is a video of its own.
            sent: called with the number of bytes just sent, from several threads.

        Raises:
            InvalidArgument: ``not_a_file``, ``bad_name`` or ``bad_option``.
            DependencyFailed: S3 rejected it or could not be reached.
        """
        try:
            ids = content.ids_of(path)
        except OSError as error:
            raise InvalidArgument(
                "not_a_file", f"{path} cannot be read: {error.strerror}."
            ) from error
        if replace:
            key = replace.upload.key
            mine = Added(replace.video_id, key, there=replace.upload.content_id in ids)
        else:
            key = self._uploads.key(path.name)
            mine = self._claim(ids, Added(self._uploads.video_id(key), key, there=False))
        if not mine.there:
            self._uploads.put(path, key, options=options, sent=sent)
            self._catalog.contents.uploaded(ids, mine.video_id, key)
        return mine

    def add_captions(
        self, path: Path, video: str, key: str, sent: Callable[[int], None] | None = None
    ) -> None:
        """Upload captions beside their video.

        Args:
            path: the file.
            video: name of the video's file beside it.
            key: of that video in the uploads bucket.
            sent: called with the number of bytes just sent.

        Raises:
            InvalidArgument, DependencyFailed: see ``add``.
        """
        upload_key.checked(path.name)
        self._uploads.put(path, sidecar.beside(path.name, video, key), sent=sent)

    def _claim(self, ids: list[str], new: Added) -> Added:
        """Return the video that has the bytes already, or else the new one."""
        with self._lock:
            known = next((self._mine[one] for one in ids if one in self._mine), None)
            if known is None and (found := there(ids, self._uploads, self._catalog)):
                known = Added(*found, there=True)
            self._mine |= dict.fromkeys(ids, known or new)
        return known._replace(there=True) if known else new


def there(ids: list[str], uploads: Uploads, catalog: Catalog) -> tuple[str, str] | None:
    """Return id and key of a video whose latest upload has one of these contents."""
    found = catalog.contents.videos(ids)
    recorded = {video.video_id: video for video in catalog.videos(list(found))}
    for video_id, key in found.items():
        video = recorded.get(video_id)
        if video and not video.deleted_at and video.upload.content_id in ids:
            return video_id, video.upload.key
        # The event of an upload may be on its way.
        if video is None and key and uploads.holds(key, ids):
            return video_id, key
    return None
