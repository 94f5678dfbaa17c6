"""Addresses of artifacts that CloudFront answers, because they carry a signature it trusts.

The bucket behind it is private; CloudFront's key group holds the public key, and the private one
lies in Systems Manager's Parameter Store, as a SecureString: neither code nor Terraform's state
ever holds it. It is read when the first address is signed.
"""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pipeline.core.errors import MissingDependency
from pipeline.core.settings import CdnSettings

if TYPE_CHECKING:
    from botocore.signers import CloudFrontSigner
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


class Cdn:
    """Signs addresses for CloudFront.

    Args:
        ssm: a boto3 client.
        settings: the distribution and its key.
        lasts_s: how long an address is good for.
    """

    def __init__(self, ssm: Any, settings: CdnSettings, *, lasts_s: int) -> None:
        self._ssm = ssm
        self._settings = settings
        self._lasts_s = lasts_s

    def url(self, key: str, *, download_as: str | None = None) -> str:
        """A signed URL; with ``download_as`` a browser saves the file by that name.

        Raises:
            MissingDependency: ``bad_cdn_key``, when the parameter holds no RSA key.
            botocore.exceptions.ClientError: the parameter cannot be read.
        """
        url = f"https://{self._settings.domain}/{quote(key)}"
        if download_as:
            # CloudFront hands it on to S3, which answers with it as a header.
            disposition = {"response-content-disposition": f'attachment; filename="{download_as}"'}
            url += f"?{urlencode(disposition, quote_via=quote)}"
        end = datetime.now(UTC) + timedelta(seconds=self._lasts_s)
        return str(self._signer.generate_presigned_url(url, date_less_than=end))

    # Imported here: costly, and needed only where there is a CDN.

    @cached_property
    def _signer(self) -> "CloudFrontSigner":
        from botocore.signers import CloudFrontSigner  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415 - see above

        key = self._key()

        def sign(message: bytes) -> bytes:
            return key.sign(message, padding.PKCS1v15(), SHA1())  # noqa: S303 - CloudFront's own

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
                f"The SSM parameter {name} holds no RSA private key: put the one there whose "
                "public half CloudFront has, in PEM and without a passphrase.",
            )
        return key
