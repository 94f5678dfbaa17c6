"""The checks of S3."""

import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws.conformance.check import Check, Differs, expect, rejected
from pipeline.aws.parts import MISSING
from pipeline.aws.provision import create_bucket

_BODY = bytes(range(256)) * 64
_PART = 5 << 20  # the least size of a part that is not the last
_CHANGED = {"412", "PreconditionFailed"}
_ODD = "videos/häfen + 100% (1)&=?.mp4"
_TIMEOUT_S = 10.0


def checks(name: str, leaving: ExitStack) -> list[Check]:
    """Make a bucket of this name until ``leaving`` ends, and return its checks."""
    store = _Store(name)
    create_bucket(name)
    leaving.callback(store.remove)
    return [
        Check("an object is listed and read as soon as it is written", store.at_once, _LOST),
        Check("keys with spaces, plus signs, percent signs and umlauts", store.odd_keys, _LOST),
        Check("metadata of an object", store.metadata, "Options of uploads have no effect."),
        Check("reading a range of bytes", store.ranges, "Each worker reads whole files."),
        Check("reading only the version of the event (If-Match)", store.if_match, _MIXED),
        Check("uploading in parts, and resuming", store.parts, "Large files cannot be uploaded."),
        Check("presigned downloads and uploads", store.presigned, "The page shows no files."),
        Check("copying, and deleting many at once", store.copies, "Results cannot be shared."),
        Check("listing in the order of keys, page by page", store.pages, _LOST),
        Check("keeping earlier versions", store.versions, _FOR_GOOD, needed=False),
    ]


_LOST = "Uploads would be lost."
_MIXED = "A file that is replaced while it is read gives a mixed result."
_FOR_GOOD = "Deleted and replaced files are gone for good, and cannot be restored."


class _Store:
    def __init__(self, bucket: str) -> None:
        self._s3 = aws.client("s3")
        self._bucket = bucket
        self._put = partial(self._s3.put_object, Bucket=bucket)
        self._get = partial(self._s3.get_object, Bucket=bucket)

    def remove(self) -> None:
        with suppress(*aws.ERRORS):
            for page in self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket
            ):
                for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                    self._s3.delete_object(
                        Bucket=self._bucket, Key=one["Key"], VersionId=one["VersionId"]
                    )
        with suppress(*aws.ERRORS):
            for key in self._keys():
                self._s3.delete_object(Bucket=self._bucket, Key=key)
        with suppress(*aws.ERRORS):
            self._s3.delete_bucket(Bucket=self._bucket)

    def _keys(self, **options: Any) -> list[str]:
        found = self._s3.list_objects_v2(Bucket=self._bucket, **options)
        return [one["Key"] for one in found.get("Contents", [])]

    def _text(self, key: str, **options: Any) -> bytes:
        return self._get(Key=key, **options)["Body"].read()

    def at_once(self) -> None:
        for number in range(5):
            key, body = f"at-once/{number}", str(number).encode()
            made = self._put(Key=key, Body=body)
            expect(key in self._keys(Prefix="at-once/"), True, "Being listed")
            expect(self._text(key), body, "The content")
            head = self._s3.head_object(Bucket=self._bucket, Key=key)
            expect(head["ETag"], made["ETag"], "The ETag of HEAD")
        self._s3.delete_object(Bucket=self._bucket, Key="at-once/0")
        rejected(lambda: self._get(Key="at-once/0"), set(MISSING), "Reading a deleted object")

    def odd_keys(self) -> None:
        self._put(Key=_ODD, Body=b"odd")
        expect(self._keys(Prefix="videos/"), [_ODD], "The listed key")
        expect(self._text(_ODD), b"odd", "The content")

    def metadata(self) -> None:
        self._put(
            Key="meta", Body=b"", Metadata={"videodrop-stages": "thumbnail"}, ContentType="a/b"
        )
        head = self._s3.head_object(Bucket=self._bucket, Key="meta")
        expect(head["Metadata"], {"videodrop-stages": "thumbnail"}, "The metadata")
        expect(head["ContentType"], "a/b", "The media type")

    def ranges(self) -> None:
        self._put(Key="ranges", Body=_BODY)
        found = self._get(Key="ranges", Range="bytes=1000-1999")
        expect(found["ResponseMetadata"]["HTTPStatusCode"], 206, "The status of a range")
        expect(found["Body"].read() == _BODY[1000:2000], True, "Getting its bytes")
        expect(found["ContentRange"], f"bytes 1000-1999/{len(_BODY)}", "Content-Range")

    def if_match(self) -> None:
        first = self._put(Key="match", Body=b"first")["ETag"]
        expect(self._text("match", IfMatch=first), b"first", "The content")
        self._put(Key="match", Body=b"second")
        rejected(lambda: self._get(Key="match", IfMatch=first), _CHANGED, "Reading what changed")

    def parts(self) -> None:
        place: dict[str, Any] = {"Bucket": self._bucket, "Key": "parts"}
        place["UploadId"] = self._s3.create_multipart_upload(**place)["UploadId"]
        bodies = {1: b"a" * _PART, 2: b"b"}
        for number, body in bodies.items():
            self._s3.upload_part(**place, PartNumber=number, Body=body)
        listed = self._s3.list_parts(**place)["Parts"]
        expect([one["PartNumber"] for one in listed], [1, 2], "The listed parts")
        sent: Any = [{"PartNumber": one["PartNumber"], "ETag": one["ETag"]} for one in listed]
        self._s3.complete_multipart_upload(**place, MultipartUpload={"Parts": sent})
        expect(self._text("parts") == b"".join(bodies.values()), True, "Joining them")
        place["UploadId"] = self._s3.create_multipart_upload(Bucket=self._bucket, Key="parts")[
            "UploadId"
        ]
        self._s3.abort_multipart_upload(**place)

    def presigned(self) -> None:
        place = {"Bucket": self._bucket, "Key": "signed"}
        url = self._s3.generate_presigned_url("put_object", Params=place, ExpiresIn=60)
        _http(url, b"signed")
        url = self._s3.generate_presigned_url("get_object", Params=place, ExpiresIn=60)
        expect(_http(url), b"signed", "The content")
        try:
            _http(url.replace("Signature=", "Signature=0"))
        except Differs:
            return
        raise Differs("A wrong signature is accepted.")

    def copies(self) -> None:
        keys = [f"copies/{number}" for number in range(3)]
        self._put(Key=keys[0], Body=b"copy")
        for key in keys[1:]:
            source: Any = {"Bucket": self._bucket, "Key": keys[0]}
            self._s3.copy_object(Bucket=self._bucket, Key=key, CopySource=source)
        expect(self._text(keys[2]), b"copy", "The content of the copy")
        gone: Any = [{"Key": key} for key in keys]
        self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": gone})
        expect(self._keys(Prefix="copies/"), [], "What is left")

    def pages(self) -> None:
        keys = [f"pages/{one}" for one in ("B", "a", "a.b", "a/b", "é")]
        for key in reversed(keys):
            self._put(Key=key, Body=b"")
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix="pages/", PaginationConfig={"PageSize": 2}
        )
        found = [one["Key"] for page in pages for one in page.get("Contents", [])]
        expect(found, sorted(keys, key=str.encode), "The list")

    def versions(self) -> None:
        self._s3.put_bucket_versioning(
            Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        first = self._put(Key="versions", Body=b"first")["VersionId"]
        self._put(Key="versions", Body=b"second")
        expect(self._text("versions", VersionId=first), b"first", "The first version")
        self._s3.delete_object(Bucket=self._bucket, Key="versions")
        rejected(lambda: self._get(Key="versions"), set(MISSING), "Reading a deleted object")
        expect(self._text("versions", VersionId=first), b"first", "The version after deleting")
        found = self._s3.list_object_versions(Bucket=self._bucket, Prefix="versions")
        expect(len(found.get("Versions", [])), 2, "The number of versions")


def _http(url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, method="PUT" if body else "GET")  # noqa: S310 - ours
    if body:
        request.add_header("Content-Type", "")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            return bytes(answer.read())
    except (urllib.error.URLError, ClientError) as error:
        raise Differs(f"A presigned request failed: {error}.") from error
