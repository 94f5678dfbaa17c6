"""S3 object bodies as files, written once.

moto keeps an object's body in memory or in an anonymous temporary file, and a finished multipart
upload's parts beside the whole. Here each body is a file of its own in one folder, named at random
and never changed. A snapshot then holds names only, a body costs one write however often the state
is saved, and large uploads cost disk rather than memory.
"""

import hashlib
import uuid
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from moto.s3.models import FakeKey, S3Backend


def keep_bodies_in(folder: Path) -> None:
    """Make moto's S3 keep every object's body in ``folder``."""

    def read(self: Any) -> bytes:
        body: Path = folder / self.body
        return body.read_bytes()

    def write(self: Any, value: bytes) -> None:
        self.body = uuid.uuid4().hex
        self.contentsize = (folder / self.body).write_bytes(value)

    def etag(self: Any) -> str:
        if self._etag is None:
            with (folder / self.body).open("rb") as file:
                # S3's ETag of a plain upload is its MD5; nothing relies on it for security.
                self._etag = hashlib.file_digest(file, "md5").hexdigest()
        return f'"{self._etag}"'

    corrected = {
        "value": property(read, write),
        "etag": property(etag),
        # moto's own pair copies the body into the pickle.
        "__getstate__": lambda self: vars(self) | {"_value_buffer": None},
        "__setstate__": lambda self, state: self.__dict__.update(state),
    }
    for name, attribute in corrected.items():
        setattr(FakeKey, name, attribute)
    whole = "complete_multipart_upload"
    setattr(S3Backend, whole, _release_parts(getattr(S3Backend, whole)))


def _release_parts(complete: Callable[..., Any]) -> Callable[..., Any]:
    """Let go of a multipart upload's parts once they have been joined."""

    @wraps(complete)
    def complete_multipart_upload(*args: Any, **kwargs: Any) -> Any:
        key = complete(*args, **kwargs)
        if key is not None:
            key.multipart.parts.clear()
        return key

    return complete_multipart_upload
