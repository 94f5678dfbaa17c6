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
    resource = url[: url.index("Expires=") - 1]
    ends = int(given["Expires"])
    condition = {"DateLessThan": {"AWS:EpochTime": ends}}
    policy = {"Statement": [{"Resource": resource, "Condition": condition}]}
    _verify(given, json.dumps(policy, separators=(",", ":")).encode(), key, key_id)
    return resource, ends


def wildcard(url: str, key: RSAPrivateKey, key_id: str) -> tuple[str, int]:
    """Return the resource of a custom policy that is valid for the URL, and its expiry.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html

    Raises:
        cryptography.exceptions.InvalidSignature: of another key or another policy.
    """
    given = dict(parse_qsl(urlsplit(url).query))
    policy = _decoded(given["Policy"])
    _verify(given, policy, key, key_id)
    (statement,) = json.loads(policy)["Statement"]
    resource: str = statement["Resource"]
    assert resource.endswith("*")
    assert url.startswith(resource.removesuffix("*"))
    return resource, int(statement["Condition"]["DateLessThan"]["AWS:EpochTime"])


def _verify(given: dict[str, str], policy: bytes, key: RSAPrivateKey, key_id: str) -> None:
    assert given["Key-Pair-Id"] == key_id
    signature = _decoded(given["Signature"])
    key.public_key().verify(signature, policy, PKCS1v15(), SHA1())  # noqa: S303 - CloudFront's


def _decoded(text: str) -> bytes:
    return b64decode(text.translate(str.maketrans("-_~", "+=/")))
