"""Files in S3: sources, published results, and the signed URLs of these."""

from typing import Any

from pipeline.aws.addresses import Addresses
from pipeline.aws.cloudfront import Cdn
from pipeline.aws.publication import Publication
from pipeline.aws.source_files import SourceFiles


class Artifacts(SourceFiles, Publication, Addresses):
    """Sources in the uploads bucket, and files in the artifacts bucket.

    Args:
        s3: a boto3 client.
        bucket: the artifacts bucket.
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
        SourceFiles.__init__(self, s3)
        Publication.__init__(self, s3, bucket)
        Addresses.__init__(self, s3, bucket, presign_s=presign_s, cdn=cdn, relay=relay)
