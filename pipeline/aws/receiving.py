"""The uploads that others send in parts: begun, looked at, completed and aborted."""

import contextlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import blake2s

from pipeline.aws.adding import there
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.pending import Pending
from pipeline.aws.multipart import Arrived, Multipart
from pipeline.aws.uploads import Uploads, metadata
from pipeline.core import content, intake, sidecar
from pipeline.core.errors import Conflict, InvalidArgument, NotFound

# S3 discards the parts of an upload after as long (infra/modules/bucket).
LASTS = timedelta(days=2)
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_NAMED = 10  # missing parts in a message


class Receiver:
    """The uploads that others send in parts.

    Args:
        parts: the multipart uploads of the bucket.
        uploads: the bucket.
        catalog: the records.
    """

    def __init__(self, parts: Multipart, uploads: Uploads, catalog: Catalog) -> None:
        self.parts = parts
        self._uploads = uploads
        self._catalog = catalog

    def begin(
        self,
        name: str,
        size: int,
        content_type: str,
        options: dict[str, str],
        *,
        once: str | None = None,
        etag: str | None = None,
        beside: str | None = None,
    ) -> Pending:
        """Begin an upload.

        Args:
            name: of the file.
            size: in bytes.
            content_type: of the object.
            options: per-upload options, without their prefix.
            once: a key of the caller's: the same key gives the same upload.
            etag: the ETag that S3 will give, if it is known.
            beside: upload of the video that these captions belong to.

        Raises:
            InvalidArgument: ``bad_name``, ``bad_option``, ``not_a_video`` or ``bad_beside``.
            NotFound: ``unknown_upload``: ``beside``.
            Conflict: ``idempotency_conflict``.
        """
        kind = intake.kind(name, size)
        if kind == "other":
            raise InvalidArgument(
                "not_a_video",
                f"{name} would be ignored: by its name it is hidden, incomplete or about another "
                "file. Rename it if it is a video.",
            )
        if (kind == "captions") != (beside is not None):
            raise InvalidArgument(
                "bad_beside",
                "Captions need `beside`, the upload of their video; a video does not take it.",
            )
        upload_id = _id(once or secrets.token_hex())
        begun = self._catalog.pending.get(upload_id) if once else None
        if begun and begun.expires > datetime.now(UTC):
            return _same(begun, name, size)
        key = self._uploads.key(name)
        if beside:
            video = self.get(beside)
            key = sidecar.beside(name, video.name, video.key)
        new = Pending(
            upload_id=upload_id,
            video_id=self._uploads.video_id(key),
            key=key,
            s3_id=None,
            name=name,
            size=size,
            expires=datetime.now(UTC) + LASTS,
        )
        ids = _known_ids(etag, size) if etag and kind == "media" else []
        if found := there(ids, self._uploads, self._catalog):
            new = _there(new, found)
        else:
            s3_id = self.parts.begin(key, content_type, metadata(options))
            new = new.model_copy(update={"s3_id": s3_id})
        begun = self._catalog.pending.begin(new)
        if begun.s3_id != new.s3_id and new.s3_id:
            self.parts.abort(key, new.s3_id)  # another request with this key was first
        return _same(begun, name, size)

    def get(self, upload_id: str) -> Pending:
        """Return an upload.

        Raises:
            NotFound: ``unknown_upload``.
        """
        known = _UPLOAD_ID.fullmatch(upload_id)
        begun = self._catalog.pending.get(upload_id) if known else None
        if begun is None or begun.expires < datetime.now(UTC):
            raise NotFound("unknown_upload", f"There is no upload {upload_id}: begin a new one.")
        return begun

    def arrived(self, begun: Pending) -> list[Arrived]:
        """Return the parts of an upload that have arrived.

        Raises:
            NotFound: ``unknown_upload``: it was aborted.
        """
        if begun.completed or begun.s3_id is None:
            return []
        return self.parts.arrived(begun.key, begun.s3_id)

    def complete(self, upload_id: str) -> Pending:
        """Make the parts of an upload a video, unless one with the same bytes is there.

        Raises:
            NotFound: ``unknown_upload``.
            Conflict: ``upload_incomplete``.
        """
        begun = self.get(upload_id)
        if begun.completed or begun.s3_id is None:
            return begun
        try:
            parts = self.arrived(begun)
            _check(begun, parts)
            ids = _ids(begun, parts)
            if found := there(ids, self._uploads, self._catalog):
                done = _there(begun, found)
                # Recorded first: what S3 has discarded cannot be completed by another request.
                self._catalog.pending.end(done)
                with contextlib.suppress(NotFound):
                    self.parts.abort(begun.key, begun.s3_id)
                return done
            self.parts.complete(begun.key, begun.s3_id, parts)
            self._catalog.contents.uploaded(ids, begun.video_id, begun.key)
        except NotFound:
            # An earlier request may have completed it, and died before it recorded that.
            if not self._uploads.holds(begun.key):
                raise
        done = begun.model_copy(update={"completed": True})
        self._catalog.pending.end(done)
        return done

    def abort(self, upload_id: str) -> None:
        """Discard an upload and its parts; a video that is complete stays.

        Raises:
            NotFound: ``unknown_upload``.
            Conflict: ``upload_completed``.
        """
        begun = self.get(upload_id)
        completed = begun.completed
        if begun.s3_id and not completed:
            try:
                self.parts.abort(begun.key, begun.s3_id)
            except NotFound:
                # An earlier request has aborted or completed it, and died before it recorded that.
                completed = self._uploads.holds(begun.key)
        if completed:
            raise Conflict("upload_completed", "This upload is complete: delete the video instead.")
        self._catalog.pending.forget(upload_id)


def expected(size: int) -> list[int]:
    """Return the sizes of the parts of an upload."""
    part = content.part_bytes(size)
    return [min(part, size - start) for start in range(0, max(1, size), part)]


def _id(text: str) -> str:
    return blake2s(text.encode(), digest_size=16).hexdigest()


def _known_ids(etag: str, size: int) -> list[str]:
    """Return the ids of bytes with this ETag; without a hyphen, it is the MD5 of one part."""
    return [f"{etag}-{size}"] if "-" in etag else content.ids(size, [etag])


def _same(begun: Pending, name: str, size: int) -> Pending:
    if (begun.name, begun.size) != (name, size):
        raise Conflict(
            "idempotency_conflict",
            f"This idempotency key belongs to an upload of {begun.name} with {begun.size:,} bytes.",
        )
    return begun


def _there(new: Pending, found: tuple[str, str]) -> Pending:
    video_id, key = found
    given = {"video_id": video_id, "key": key, "s3_id": None, "completed": True, "there": True}
    return new.model_copy(update=given)


def _check(begun: Pending, parts: list[Arrived]) -> None:
    sizes = {part.number: part.size for part in parts}
    wanted = dict(enumerate(expected(begun.size), 1))
    if missing := [number for number, size in wanted.items() if sizes.get(number) != size]:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise Conflict(
            "upload_incomplete",
            f"These parts of {begun.name} are missing: {', '.join(map(str, missing[:_NAMED]))}"
            f"{more}. GET the upload for their addresses.",
        )


def _ids(begun: Pending, parts: list[Arrived]) -> list[str]:
    """Return the ids that the bytes may have; none where ETags are not MD5s, or for captions."""
    if intake.kind(begun.name, begun.size) != "media":
        return []
    try:
        return content.ids(begun.size, [part.etag for part in parts])
    except ValueError:
        return []
