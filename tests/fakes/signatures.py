"""CloudFront's verification of signed URLs."""

import json
from base64 import b64decode
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def key_pair() -> tuple[RSAPrivateKey, str]:
    """Return a private key, and the same as PEM."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    form = PrivateFormat.PKCS8
    return key, key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def unsigned(url: str, key: RSAPrivateKey, key_id: str) -> tuple[str, int]:
    """Return a canned policy's URL and its expiry in seconds since 1970.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html

    Raises:
        cryptography.exceptions.InvalidSignature: of another key or another URL.
    """
    given = dict(parse_qsl(urlsplit(url).query))
    assert given["Key-Pair-Id"] == key_id
    resource = url[: url.index("Expires=") - 1]
    ends = int(given["Expires"])
    condition = {"DateLessThan": {"AWS:EpochTime": ends}}
    policy = {"Statement": [{"Resource": resource, "Condition": condition}]}
    signature = b64decode(given["Signature"].translate(str.maketrans("-_~", "+=/")))
    message = json.dumps(policy, separators=(",", ":")).encode()
    key.public_key().verify(signature, message, PKCS1v15(), SHA1())  # noqa: S303 - CloudFront's
    return resource, ends
