"""The deletion of a video: its file, its results of all versions, their files, and its index.

The file is deleted first: its event reaches the janitor, who completes a deletion that was
interrupted. Where S3 sends no events, the tombstone's lease has the same effect. The first to
complete it sends ``Video Deleted``; if that fails, the janitor does.

What was listed is removed only if the video is still deleted afterwards, so an upload to the same
key, or a restored file, loses nothing.
"""

import logging
from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from pipeline.aws.artifact_inventory import Attempts
from pipeline.aws.catalog import Catalog
from pipeline.aws.uploads import Uploads, Version
from pipeline.core import upload_key
from pipeline.core.errors import Conflict, NotAnnounced, NotFound
from pipeline.core.events import Upload
from pipeline.core.records import Video

log = logging.getLogger(__name__)


class Deleted(BaseModel):
    """A deleted video."""

    video_id: str
    name: str
    deleted_at: datetime
    files: int = Field(description="Derived files that were removed; 0 if it was deleted before")
    restorable_until: datetime | None = Field(
        description="Until then its file can be restored, and its results are made again; null if "
        "the bucket keeps no deleted files: then it is gone for good"
    )


class Deletions:
    """The deletion of videos, and the restoring of their files.

    Args:
        catalog: the records.
        uploads: the bucket of their files.
        files: the files of their results.
        lease_s: seconds after which a worker that was in progress has stopped.
        kept_days: days for which the uploads bucket keeps deleted files, if it has versions.
    """

    def __init__(
        self, catalog: Catalog, uploads: Uploads, files: Attempts, *, lease_s: int, kept_days: int
    ) -> None:
        self._catalog = catalog
        self._uploads = uploads
        self._files = files
        self._lease_s = lease_s
        self._kept = timedelta(days=kept_days)

    def delete(self, video_id: str) -> Deleted:
        """Delete a video; a second call completes one that was interrupted.

        Captions that were uploaded beside it go with it, unless another video shows them, too.

        Raises:
            NotFound: ``unknown_video``.
            DependencyFailed: ``not_deleted``: S3 kept some files; a retry is safe.
        """
        video = self._known(video_id)
        while not video.deleted_at:
            for one in self._captions(video):
                self._uploads.delete(one)
            self._uploads.delete(video.upload.key)
            self._catalog.removal.mark(video, lease_s=self._lease_s)
            video = self._known(video_id)
        files = self.purge(video_id)
        self._announce(video.upload)
        kept = self._version(video) is not None
        return Deleted(
            video_id=video_id,
            name=video.upload.name,
            deleted_at=video.deleted_at,
            files=files,
            restorable_until=video.deleted_at + self._kept if kept else None,
        )

    def purge(self, video_id: str) -> int:
        """Remove what is derived from a deleted video; return the number of files.

        Raises:
            DependencyFailed: ``not_deleted``.
        """
        files = self._remove(video_id)
        self._catalog.removal.look_again(video_id, first_s=self._lease_s)
        return files

    def purge_due(self) -> int:
        """Purge the deleted videos whose workers have had time to stop; return how many."""
        due = self._catalog.removal.due()
        for video_id in due:
            self.purge(video_id)
            if untold := self._catalog.removal.untold(video_id):
                self._announce(untold, again=True)
        return len(due)

    def restore(self, video_id: str) -> Video:
        """Restore the file of a deleted video: it is processed as a new upload.

        Raises:
            NotFound: ``unknown_video``.
            Conflict: ``still_there``; ``not_restorable``.
        """
        video = self._known(video_id)
        if not video.deleted_at:
            raise Conflict("still_there", f"{video.upload.name} is not deleted.")
        version = self._version(video)
        if version is None:
            raise Conflict(
                "not_restorable",
                f"The file of {video.upload.name} is gone for good: upload it again.",
            )
        self._uploads.restore(video.upload.key, version)
        self._uploads.restore_beside(video.upload.key)
        return video

    def _announce(self, upload: Upload, *, again: bool = False) -> None:
        """Send the event of a deletion; the janitor repeats it if the bus did not take it."""
        try:
            self._catalog.announce_deletion(upload, again=again)
        except NotAnnounced:
            log.warning("%s: its event was not sent yet", upload.video_id, exc_info=True)

    def _remove(self, video_id: str) -> int:
        """Remove files and records; return the number of files."""
        keys = self._files.keys(video_id)
        records = self._catalog.removal.records(video_id)
        if not self._catalog.removal.is_deleted(video_id):
            return 0  # it was uploaded again meanwhile
        kept = self._catalog.removal.remove(video_id, records)
        keys = [key for key in keys if not key.startswith(tuple(one.prefix for one in kept))]
        self._catalog.unindex(video_id)
        self._files.delete(keys)
        return len(keys)

    def _version(self, video: Video) -> Version | None:
        """Return the version of the file that was deleted, if the bucket keeps it."""
        kept = self._uploads.versions(video.upload.key)
        return next((one for one in kept if one.version_id != "null"), None)

    def _captions(self, video: Video) -> list[str]:
        """Return the keys of captions beside a video that no other video shows."""
        sidecars = self._catalog.sidecars
        keys = {one.key for one in sidecars.of(video.upload)}
        if not keys:
            return []
        alike = self._catalog.names.of(upload_key.stem(video.upload.name))
        for other in self._catalog.videos(list(alike), brief=True):
            if other.video_id != video.video_id and not other.deleted_at:
                keys -= {one.key for one in sidecars.of(other.upload)}
        return sorted(keys)

    def _known(self, video_id: str) -> Video:
        video = self._catalog.video(video_id)
        if video is None:
            raise NotFound("unknown_video", f"There is no video {video_id}.")
        return video
