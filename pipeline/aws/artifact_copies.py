"""Copies of the files of a result, made by S3: no bytes pass through this process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws.parts import MISSING

_COPIES_AT_ONCE = 16
# S3 copies at most 5 GiB a request, and parts of a large file faster than the whole.
_TRANSFER = TransferConfig(
    multipart_threshold=256 << 20, multipart_chunksize=256 << 20, use_threads=False
)


def copy_files(
    s3: Any,
    bucket: str,
    files: list[dict[str, Any]],
    source: str,
    prefix: str,
    headers: Callable[[str], dict[str, str]],
    report: Callable[[float], None],
) -> bool:
    """Copy files of one result below another prefix; return False if one of them is missing.

    Args:
        s3: a boto3 client.
        bucket: the artifacts bucket.
        files: as its manifest lists them.
        source: prefix of the result.
        prefix: of the copies.
        headers: returns those of a media type, which a copy in parts does not keep by itself.
        report: called with the fraction of bytes copied.
    """

    def copy(file: dict[str, Any]) -> int:
        size, key = int(file["bytes"]), prefix + file["name"]
        given = {"Bucket": bucket, "Key": source + file["name"]}
        if size < _TRANSFER.multipart_threshold:
            s3.copy_object(Bucket=bucket, Key=key, CopySource=given)
        else:
            s3.copy(given, bucket, key, ExtraArgs=headers(file["media_type"]), Config=_TRANSFER)
        return size

    total, done = sum(int(file["bytes"]) for file in files) or 1, 0
    with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
        copies = [pool.submit(copy, file) for file in files]
        try:
            for one in copies:
                done += one.result()
                report(done / total)
        except BaseException as error:
            pool.shutdown(cancel_futures=True)
            if isinstance(error, ClientError) and aws.code(error) in MISSING:
                return False
            raise
    return True
