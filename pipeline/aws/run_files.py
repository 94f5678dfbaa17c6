"""The files of a run whose work is spread, below the run's prefix.

    parts/plan.json   the plan, for all workers
    parts/excerpts    what each range needs to know of the source
    parts/{tag}.json  the part that one attempt at a range made; the files that it lists exist
    …                 the files of parts, under their final names

Other names contain their part's tag, and no attempt writes another's files. The merge writes the
manifest. What the manifest does not list is deleted afterwards.
"""

import json
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from pipeline.aws.deletion import delete
from pipeline.aws.joining import join
from pipeline.core.ranges import Artifact
from pipeline.core.records import PublishedArtifact

MANIFEST = "manifest.json"
PLAN = "parts/plan.json"
EXCERPTS = "parts/excerpts"
_READS_AT_ONCE = 16


def part_name(tag: str) -> str:
    """Return the name of the file that describes a part."""
    return f"parts/{tag}.json"


class RunFiles:
    """The files below one prefix.

    Args:
        s3: a boto3 client.
        bucket: the artifacts bucket.
        prefix: of the run, with a slash at the end.
        headers: headers of every artifact.
    """

    def __init__(self, s3: Any, bucket: str, prefix: str, headers: dict[str, str]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._headers = headers
        self.prefix = prefix

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file: JSON if it is text."""
        text = isinstance(content, str)
        self._s3.put_object(
            Bucket=self._bucket,
            Key=self.prefix + name,
            Body=content.encode() if isinstance(content, str) else content,
            ContentType="application/json" if text else "application/octet-stream",
        )

    def read(self, name: str, part: tuple[int, int] | None = None) -> bytes:
        """Return the content of a file, or the bytes of it from a start to an end."""
        request = {"Bucket": self._bucket, "Key": self.prefix + name}
        if part is None:
            return bytes(self._s3.get_object(**request)["Body"].read())
        start, end = part
        found = self._s3.get_object(**request, Range=f"bytes={start}-{end - 1}")
        content = bytes(found["Body"].read())
        # Some implementations of S3 send the whole.
        return content if len(content) == end - start else content[start:end]

    def read_all(self, names: Iterable[str]) -> list[bytes]:
        """Return the contents of files, read side by side, in the order of their names."""
        with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
            return list(pool.map(self.read, names))

    def fetch(self, name: str, path: Path) -> None:
        """Download a file to ``path``."""
        found = self._s3.get_object(Bucket=self._bucket, Key=self.prefix + name)
        with closing(found["Body"]) as body, path.open("wb") as file:
            for chunk in body.iter_chunks(1 << 20):
                file.write(chunk)

    def join(self, artifact: Artifact) -> PublishedArtifact:
        """Make an artifact of the pieces that it names."""
        headers = {"ContentType": artifact.media_type, **self._headers}
        size = join(self._s3, self._bucket, self.prefix, artifact.name, artifact.pieces, headers)
        plain = artifact.model_dump(exclude={"pieces"})
        return PublishedArtifact(**plain, bytes=size, sha256=None)

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; those that do not exist are ignored.

        Raises:
            DependencyFailed: ``not_deleted``: S3 did not delete all of them; a retry is safe.
        """
        delete(self._s3, self._bucket, [self.prefix + name for name in names])

    def names(self) -> set[str]:
        """Return the names of the files that exist."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self.prefix
        )
        found = (item["Key"] for page in pages for item in page.get("Contents", []))
        return {key.removeprefix(self.prefix) for key in found}

    def delete_unlisted(self, earlier: Collection[str] = ()) -> None:
        """Delete what the manifest does not list; everything, if there is no manifest.

        The run must be over. Earlier attempts at the same result are deleted too, if they were
        spread and made none.

        Args:
            earlier: names of the folders of earlier attempts at the same result.
        """
        base, _, own = self.prefix.rstrip("/").rpartition("/")
        by_folder: dict[str, list[str]] = {}
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{base}/"
        )
        for item in (item for page in pages for item in page.get("Contents", [])):
            folder, _, name = item["Key"].removeprefix(f"{base}/").partition("/")
            by_folder.setdefault(folder, []).append(name)
        names = by_folder.get(own, [])
        kept = self.listed() if MANIFEST in names else set()
        gone = [f"{base}/{own}/{name}" for name in names if name not in kept]
        for folder in earlier:
            found = by_folder.get(folder, [])
            if PLAN in found and MANIFEST not in found:
                gone += [f"{base}/{folder}/{name}" for name in found]
        delete(self._s3, self._bucket, gone)

    def listed(self) -> set[str]:
        """Return the names that the manifest lists, and its own."""
        manifest = json.loads(self.read(MANIFEST))
        return {MANIFEST, *(one["name"] for one in manifest["files"])}
