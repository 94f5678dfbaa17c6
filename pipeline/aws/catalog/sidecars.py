"""The captions that were uploaded beside videos, by the videos that they may belong to.

A row does not depend on the video's row, so either may be uploaded first. The files stay in the
uploads bucket.
"""

from hashlib import blake2s

from pipeline.aws.catalog.table import ConditionFailed, Table, iso, partition
from pipeline.core import sidecar
from pipeline.core.events import Deletion, Upload
from pipeline.core.sidecar import Sidecar


class Sidecars:
    """The captions in the catalog's table.

    Args:
        table: the catalog's table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def attach(self, upload: Upload) -> None:
        """Record captions; an event that is older than what is recorded changes nothing."""
        for owner in sidecar.owners(upload.key):
            found = Sidecar(
                bucket=upload.bucket,
                key=upload.key,
                version_id=upload.version_id,
                etag=upload.etag,
                size=upload.size,
                language=owner.language,
                flags=owner.flags,
            )
            try:
                self._table.update(
                    _partition(upload.bucket, owner.path),
                    found.name,
                    set={**found.model_dump(mode="json"), "sequencer": upload.sequencer},
                    remove=("deleted_at",),
                    condition="attribute_not_exists(#pk) OR #sequencer < :new",
                    given={"new": upload.sequencer},
                )
            except ConditionFailed:
                continue

    def detach(self, deletion: Deletion) -> None:
        """Mark captions as deleted, unless they were uploaded again since.

        The deletion of a version deletes them only while that version is current.
        """
        fields = {"deleted_at": iso(deletion.time)}
        if deletion.version_id:
            condition, given = "#version_id = :gone", {"gone": deletion.version_id}
        else:
            condition = "attribute_not_exists(#pk) OR #sequencer < :new"
            given = {"new": deletion.sequencer}
            fields["sequencer"] = deletion.sequencer
        name = deletion.key.rsplit("/", 1)[-1]
        for owner in sidecar.owners(deletion.key):
            try:
                self._table.update(
                    _partition(deletion.bucket, owner.path),
                    name,
                    set=fields,
                    condition=condition,
                    given=given,
                )
            except ConditionFailed:
                continue

    def of(self, video: Upload) -> list[Sidecar]:
        """Return the captions of a video, sorted by name."""
        found: dict[str, Sidecar] = {}
        for path in sidecar.paths(video.key):
            rows = self._table.query(
                KeyConditionExpression=partition("pk", _partition(video.bucket, path)),
                ConsistentRead=True,
            )
            for row in rows:
                if "deleted_at" not in row:
                    found.setdefault(row["key"], Sidecar.model_validate(row))
        return [found[key] for key in sorted(found)]


def _partition(bucket: str, path: str) -> str:
    """Return the partition key of the captions of videos at a path."""
    digest = blake2s(f"{bucket}\0{sidecar.same(path)}".encode(), digest_size=10).hexdigest()
    return f"#sidecars#{digest}"
