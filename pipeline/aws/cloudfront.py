"""Signed URLs of artifacts that CloudFront serves.

The bucket is private. CloudFront's key group has the public key. The private key is a SecureString
in Systems Manager's Parameter Store, so neither code nor Terraform's state contains it. It is read
when the first URL is signed.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pipeline.core.disposition import content_disposition
from pipeline.core.errors import MissingDependency
from pipeline.core.setting_types import CdnSettings

if TYPE_CHECKING:
    from botocore.signers import CloudFrontSigner
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


class Cdn:
    """A signer of CloudFront URLs.

    Args:
        ssm: a boto3 client.
        settings: the distribution and its key.
    """

    def __init__(self, ssm: Any, settings: CdnSettings) -> None:
        self._ssm = ssm
        self._settings = settings

    def url(self, key: str, *, lasts_s: float, download_as: str | None = None) -> str:
        """Sign the URL of one file, with a canned policy.

        Args:
            key: of the file.
            lasts_s: lifetime of the URL.
            download_as: name by which a browser saves the file; it shows the file without one.

        Raises:
            MissingDependency: ``bad_cdn_key``: the parameter is not an RSA key.
            botocore.exceptions.ClientError: the parameter cannot be read.
        """
        url = self._address(key)
        if download_as:
            # CloudFront passes it on to S3, which returns it as a header.
            disposition = content_disposition("attachment", download_as)
            asked = {"response-content-disposition": disposition}
            url += f"?{urlencode(asked, quote_via=quote)}"
        return str(self._signer.generate_presigned_url(url, date_less_than=_end(lasts_s)))

    def urls(self, prefix: str, *, lasts_s: float) -> Callable[[str], str]:
        """Return a function that returns signed URLs of the files below ``prefix``, by name.

        One custom policy is valid for all of them, so signing is done once.

        Raises:
            MissingDependency: see ``url``.
            botocore.exceptions.ClientError: see ``url``.
        """
        base = self._address(prefix)
        policy = self._signer.build_policy(f"{base}*", _end(lasts_s))
        query = self._signer.generate_presigned_url("", policy=policy)
        return lambda name: f"{base}{quote(name)}{query}"

    def _address(self, key: str) -> str:
        return f"https://{self._settings.domain}/{quote(key)}"

    # Imported here: slow to load, and needed only with a CDN.

    @cached_property
    def _signer(self) -> "CloudFrontSigner":
        from botocore.signers import CloudFrontSigner  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415 - see above

        key = self._key()

        def sign(message: bytes) -> bytes:
            return key.sign(message, padding.PKCS1v15(), SHA1())  # noqa: S303 - CloudFront needs it

        return CloudFrontSigner(self._settings.key_id, sign)

    def _key(self) -> "RSAPrivateKey":
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - see above
            load_pem_private_key,
        )

        name = self._settings.key_parameter
        found = self._ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        try:
            key = load_pem_private_key(found.encode(), password=None)
        except (TypeError, ValueError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise MissingDependency(
                "bad_cdn_key",
                f"The SSM parameter {name} is not an RSA private key: store the one that belongs "
                "to CloudFront's public key, in PEM and without a passphrase.",
            )
        return key


def _end(lasts_s: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=lasts_s)
