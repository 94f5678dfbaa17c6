"""S3 in memory: buckets with or without versions, whose changes EventBridge is told."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import md5
from typing import Any, NamedTuple

from botocore.exceptions import ClientError


@lru_cache(maxsize=1000)
def _etag(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()


class Version(NamedTuple):
    """A version of an object; a delete marker has no data."""

    version_id: str
    data: bytes | None
    metadata: dict[str, str]
    at: datetime
    sequencer: str

    @property
    def etag(self) -> str:
        """Return its ETag, without quotes."""
        return _etag(self.data or b"")


class _Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Any:
        while chunk := self.read(size):
            yield chunk


class FakeS3:
    """The part of a boto3 client that this project uses.

    Args:
        call: makes a call.
        clock: returns the moment.
        tell: called with ``created`` or ``deleted``, a bucket, a key and the version.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        clock: Callable[[], float],
        tell: Callable[[str, str, str, Version], None],
    ) -> None:
        self._call = call
        self._clock = clock
        self._tell = tell
        self.versioned: set[str] = set()
        self.objects: dict[tuple[str, str], list[Version]] = {}
        self._count = 0

    def clear(self) -> None:
        """Remove all objects."""
        self.objects = {}
        self._count = 0

    def current(self, bucket: str, key: str) -> Version | None:
        """Return an object as it is, a marker of its deletion included."""
        return self.objects.get((bucket, key), [None])[-1]

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of objects."""
        return sorted(
            key
            for (place, key), versions in self.objects.items()
            if place == bucket and key.startswith(prefix) and versions[-1].data is not None
        )

    # -- the API ---------------------------------------------------------------------------------

    def put_object(
        self, *, Bucket: str, Key: str, Body: Any, Metadata: Any = None, **_: Any
    ) -> Any:
        data = Body if isinstance(Body, bytes) else Body.read()
        effect = lambda: self._put(Bucket, Key, data, dict(Metadata or {}))  # noqa: E731
        return self._call("PutObject", effect, Key, changes=True)

    def head_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> Any:
        def effect() -> Any:
            found = self._found(Bucket, Key, VersionId, "HeadObject")
            return {"ContentLength": len(found.data or b""), **_described(found)}

        return self._call("HeadObject", effect, Key)

    def get_object(
        self, *, Bucket: str, Key: str, VersionId: str | None = None, Range: str = "", **_: Any
    ) -> Any:
        del Range  # this S3 sends whole objects

        def effect() -> Any:
            found = self._found(Bucket, Key, VersionId, "GetObject")
            return {"Body": _Body(found.data or b""), **_described(found)}

        return self._call("GetObject", effect, Key)

    def copy_object(self, *, Bucket: str, Key: str, CopySource: Any, **_: Any) -> Any:
        def effect() -> Any:
            source = CopySource["Bucket"], CopySource["Key"], CopySource.get("VersionId")
            found = self._found(*source, "CopyObject")
            return self._put(Bucket, Key, found.data or b"", found.metadata)

        return self._call("CopyObject", effect, Key, changes=True)

    def copy(self, CopySource: Any, Bucket: str, Key: str, **_: Any) -> None:
        self.copy_object(Bucket=Bucket, Key=Key, CopySource=CopySource)

    def delete_object(self, *, Bucket: str, Key: str) -> Any:
        return self._call(
            "DeleteObject", lambda: self._delete(Bucket, Key) or {}, Key, changes=True
        )

    def delete_objects(self, *, Bucket: str, Delete: Any) -> Any:
        keys = [one["Key"] for one in Delete["Objects"]]

        def effect() -> Any:
            for key in keys:
                self._delete(Bucket, key)
            return {}

        return self._call("DeleteObjects", effect, keys, changes=True)

    def list_objects_v2(self, *, Bucket: str, Prefix: str = "", **_: Any) -> Any:
        def effect() -> Any:
            found = self.keys(Bucket, Prefix)
            described = [(key, self.objects[Bucket, key][-1]) for key in found]
            contents = [
                {"Key": key, "Size": len(one.data or b""), "LastModified": one.at, "ETag": one.etag}
                for key, one in described
            ]
            return {"Contents": contents} if contents else {}

        return self._call("ListObjectsV2", effect, Prefix)

    def list_object_versions(self, *, Bucket: str, Prefix: str) -> Any:
        def effect() -> Any:
            found: dict[str, list[Any]] = {"Versions": [], "DeleteMarkers": []}
            for (bucket, key), versions in sorted(self.objects.items()):
                if bucket == Bucket and key.startswith(Prefix):
                    for one in reversed(versions):
                        kind = "DeleteMarkers" if one.data is None else "Versions"
                        latest = {"IsLatest": one is versions[-1], "LastModified": one.at}
                        found[kind].append({"Key": key, "VersionId": one.version_id, **latest})
            return found

        return self._call("ListObjectVersions", effect, Prefix)

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(getattr(self, operation))

    # -- effects ---------------------------------------------------------------------------------

    def _found(self, bucket: str, key: str, version_id: str | None, operation: str) -> Version:
        versions = self.objects.get((bucket, key), [])
        if version_id and version_id != "null":
            versions = [one for one in versions if one.version_id == version_id]
        if not versions or versions[-1].data is None:
            code = "404" if operation == "HeadObject" else "NoSuchKey"
            raise ClientError({"Error": {"Code": code}}, operation)
        return versions[-1]

    def _put(self, bucket: str, key: str, data: bytes | None, metadata: dict[str, str]) -> Any:
        self._count += 1
        versioned = bucket in self.versioned
        version_id = f"v{self._count}" if versioned else "null"
        at = datetime.fromtimestamp(self._clock(), UTC)
        made = Version(version_id, data, metadata, at, f"{self._count:016X}")
        if versioned:
            self.objects.setdefault((bucket, key), []).append(made)
        else:
            self.objects[bucket, key] = [made]
        self._tell("created" if data is not None else "deleted", bucket, key, made)
        return {"ETag": f'"{made.etag}"', **({"VersionId": version_id} if versioned else {})}

    def _delete(self, bucket: str, key: str) -> None:
        if bucket in self.versioned:
            self._put(bucket, key, None, {})
        elif (bucket, key) in self.objects:
            self._count += 1
            gone = self.objects.pop((bucket, key))[-1]
            self._tell("deleted", bucket, key, gone._replace(sequencer=f"{self._count:016X}"))


class _Pages:
    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def paginate(self, **request: Any) -> list[Any]:
        request.pop("Delimiter", None)
        return [self._call(**request)]


def _described(found: Version) -> dict[str, Any]:
    return {"ETag": f'"{found.etag}"', "Metadata": found.metadata}
