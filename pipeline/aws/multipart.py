"""Multipart uploads whose parts others send, by addresses that are signed here."""

from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws.relayed import relayed
from pipeline.core.errors import NotFound


class Arrived(NamedTuple):
    """A part that S3 has."""

    number: int
    size: int
    etag: str


class Multipart:
    """Multipart uploads to one bucket.

    Args:
        s3: a boto3 client.
        bucket: its name.
        lasts_s: lifetime of an address.
        relay: whether the API hands requests on to S3: addresses are then paths.
    """

    def __init__(self, s3: Any, bucket: str, *, lasts_s: int, relay: bool = False) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._lasts_s = lasts_s
        self._relay = relay

    def begin(self, key: str, content_type: str, metadata: dict[str, str]) -> str:
        """Begin an upload; return S3's id of it."""
        made = self._s3.create_multipart_upload(
            Bucket=self._bucket, Key=key, ContentType=content_type, Metadata=metadata
        )
        return str(made["UploadId"])

    def address(self, key: str, s3_id: str, number: int, size: int) -> str:
        """Return the address to PUT a part of exactly ``size`` bytes to."""
        given = {"Bucket": self._bucket, "Key": key, "UploadId": s3_id}
        part = {"PartNumber": number, "ContentLength": size}
        url = self._s3.generate_presigned_url(
            "upload_part", Params=given | part, ExpiresIn=self._lasts_s
        )
        return relayed(url) if self._relay else str(url)

    def arrived(self, key: str, s3_id: str) -> list[Arrived]:
        """Return the parts that have arrived.

        Raises:
            NotFound: ``unknown_upload``: it has ended.
        """
        pages = self._s3.get_paginator("list_parts")
        try:
            return [
                Arrived(part["PartNumber"], part["Size"], part["ETag"].strip('"'))
                for page in pages.paginate(Bucket=self._bucket, Key=key, UploadId=s3_id)
                for part in page.get("Parts", [])
            ]
        except ClientError as error:
            raise _ended(error) from error

    def complete(self, key: str, s3_id: str, parts: list[Arrived]) -> None:
        """Make the parts one object; the bucket's event starts its processing.

        Raises:
            NotFound: ``unknown_upload``: it has ended.
        """
        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        try:
            self._s3.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=s3_id, MultipartUpload={"Parts": listed}
            )
        except ClientError as error:
            raise _ended(error) from error

    def abort(self, key: str, s3_id: str) -> None:
        """Discard an upload and its parts.

        Raises:
            NotFound: ``unknown_upload``: it has ended.
        """
        try:
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=s3_id)
        except ClientError as error:
            raise _ended(error) from error


def _ended(error: ClientError) -> Exception:
    if aws.code(error) == "NoSuchUpload":
        return NotFound("unknown_upload", "This upload has ended, or expired. Begin a new one.")
    return error
