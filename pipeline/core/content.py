"""The ids of a file's bytes, as S3 gives them: the ETag and the size.

An upload of ours has parts of a fixed size, so the ETag of its bytes is known before they are
sent. It is the MD5 of a file that is sent in one request, and else of the MD5s of its parts. A file
of one part may be sent either way.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PART_BYTES = 16 << 20
"""The size of a part, unless there would be more than 10,000, which S3 allows."""

_MOST_PARTS = 10_000
_CHUNK = 1 << 20


def part_bytes(size: int) -> int:
    """Return the size of the parts of a file; boto3 chooses the same."""
    part = PART_BYTES
    while size > part * _MOST_PARTS:
        part *= 2
    return part


def ids(size: int, digests: Iterable[str]) -> list[str]:
    """Return the ids that bytes may have in S3.

    Args:
        size: of all parts.
        digests: the MD5 of each part, in hexadecimal digits.
    """
    parts = [bytes.fromhex(one) for one in digests]
    found = [f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}-{size}"]
    if len(parts) == 1:
        found.append(f"{parts[0].hex()}-{size}")
    return found


def ids_of(path: Path) -> list[str]:
    """Return the ids that the bytes of a file may have in S3.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    length = part_bytes(size)
    digests: list[str] = []
    with path.open("rb") as file:
        while not digests or file.tell() < size:
            digest, left = _md5(), length
            while left and (data := file.read(min(left, _CHUNK))):
                digest.update(data)
                left -= len(data)
            digests.append(digest.hexdigest())
            if left:
                break
    return ids(size, digests)


def _md5(data: bytes = b"") -> Any:
    """Return S3's digest of a part; it protects against no attack."""
    return hashlib.md5(data, usedforsecurity=False)
