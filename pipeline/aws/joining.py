"""The joining of files within S3: pieces of stored files become one file, mostly without download.

A multipart upload copies pieces of 5 MiB or more (``UploadPartCopy``). Smaller ones are downloaded
and sent together with their neighbours, since only the last part of an upload may be smaller.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.core.ranges import Piece

# S3's limit on each part but the last is 5 MiB; it copies ranges of larger files only.
_SMALLEST = (5 << 20) + 1
_LARGEST = 1 << 30  # S3 copies up to 5 GiB a part; smaller ones are copied side by side
_AT_ONCE = 8

Part = list[Piece]
"""One part of the upload: a single piece of at least 5 MiB is copied, anything else is sent."""


def divide(
    pieces: Sequence[Piece], smallest: int = _SMALLEST, largest: int = _LARGEST
) -> list[Part]:
    """Divide consecutive pieces into the parts of an upload, each but the last large enough.

    Args:
        pieces: the content of the file.
        smallest: least size of a part.
        largest: largest size of a copied part; at least twice ``smallest``.
    """
    parts: list[Part] = []
    sent: Part = []  # to be sent as one part once it is large enough
    for piece in pieces:
        left = piece
        while left.size:
            missing = smallest - _size(sent) if sent else 0
            if missing > 0:
                # What would be left must not be too small to be copied either.
                take = left.size if left.size < missing + smallest else missing
            else:
                # An even share, so that the last of several copies is not too small.
                copies = -(-left.size // largest)
                take = -(-left.size // copies)
            first = left.model_copy(update={"size": take})
            left = left.model_copy(update={"start": left.start + take, "size": left.size - take})
            if not sent and take >= smallest:
                parts.append([first])
                continue
            sent.append(first)
            if _size(sent) >= smallest:
                parts.append(sent)
                sent = []
    return [*parts, sent] if sent else parts


def join(
    s3: Any, bucket: str, prefix: str, name: str, pieces: Sequence[Piece], headers: dict[str, str]
) -> int:
    """Make a file of pieces of other files below the same prefix; return its size.

    Args:
        s3: a boto3 client.
        bucket: the bucket of all of them.
        prefix: of all of them, with a slash at the end.
        name: of the new file, below the prefix.
        pieces: the content.
        headers: Content-Type and others.
    """
    parts = divide(pieces)
    where = {"Bucket": bucket, "Key": prefix + name}
    if len(parts) == 1 and not _is_copy(parts[0]):
        body = b"".join(_read(s3, bucket, prefix, piece) for piece in parts[0])
        s3.put_object(**where, Body=body, **headers)
        return len(body)
    upload = {**where, "UploadId": s3.create_multipart_upload(**where, **headers)["UploadId"]}

    def send(number: int, part: Part) -> dict[str, Any]:
        place = {**upload, "PartNumber": number}
        if _is_copy(part):
            source = {"Bucket": bucket, "Key": prefix + part[0].name}
            span = f"bytes={part[0].start}-{part[0].start + part[0].size - 1}"
            done = s3.upload_part_copy(**place, CopySource=source, CopySourceRange=span)
            return {"PartNumber": number, "ETag": done["CopyPartResult"]["ETag"]}
        body = b"".join(_read(s3, bucket, prefix, piece) for piece in part)
        return {"PartNumber": number, "ETag": s3.upload_part(**place, Body=body)["ETag"]}

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            done = list(pool.map(send, range(1, len(parts) + 1), parts))
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    except Exception:
        s3.abort_multipart_upload(**upload)
        raise
    return sum(piece.size for piece in pieces)


def _is_copy(part: Part) -> bool:
    return len(part) == 1 and part[0].size >= _SMALLEST


def _size(part: Part) -> int:
    return sum(piece.size for piece in part)


def _read(s3: Any, bucket: str, prefix: str, piece: Piece) -> bytes:
    span = f"bytes={piece.start}-{piece.start + piece.size - 1}"
    return bytes(s3.get_object(Bucket=bucket, Key=prefix + piece.name, Range=span)["Body"].read())
