"""Signed URLs of files, by S3 or by CloudFront."""

from collections.abc import Callable
from functools import cache
from typing import Any

from pipeline.aws.cloudfront import Cdn
from pipeline.aws.relayed import relayed
from pipeline.core.disposition import content_disposition

_LONGEST_PRESIGNED_S = 7 * 86400  # S3's limit


class Addresses:
    """Signed URLs of files in a bucket.

    Args:
        s3: a boto3 client.
        bucket: its name.
        presign_s: lifetime of signed URLs whose caller gives none.
        cdn: signs URLs if CloudFront serves the bucket; otherwise S3 does.
        relay: whether the API hands requests on to S3: its URLs are then paths.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        *,
        presign_s: int,
        cdn: Cdn | None = None,
        relay: bool = False,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._presign_s = presign_s
        self._cdn = cdn
        self._relay = relay

    def url(self, key: str, *, download_as: str | None = None, lasts_s: float | None = None) -> str:
        """Sign the URL of a file.

        Args:
            key: of the file.
            download_as: name by which a browser saves the file; it shows the file without one.
            lasts_s: lifetime of the URL; by default that of the settings. S3 limits it to a week,
                and to the lifetime of the credentials that sign.
        """
        lasts_s = self._presign_s if lasts_s is None else lasts_s
        if self._cdn:
            return self._cdn.url(key, lasts_s=lasts_s, download_as=download_as)
        request = {"Bucket": self._bucket, "Key": key}
        if download_as:
            request["ResponseContentDisposition"] = content_disposition("attachment", download_as)
        seconds = min(int(lasts_s), _LONGEST_PRESIGNED_S)
        url = self._s3.generate_presigned_url("get_object", Params=request, ExpiresIn=seconds)
        return relayed(url) if self._relay else str(url)

    def urls(self, prefix: str, *, lasts_s: float) -> Callable[[str], str]:
        """Return a function that returns signed URLs of the files of one result, by name.

        A playlist names a file once for each of its byte ranges: each file is signed once. The
        URLs of CloudFront have one signature in common.

        Args:
            prefix: of the result; it ends with a slash.
            lasts_s: lifetime of the URLs; see ``url``.
        """
        if self._cdn:
            return self._cdn.urls(prefix, lasts_s=lasts_s)
        return cache(lambda name: self.url(prefix + name, lasts_s=lasts_s))
