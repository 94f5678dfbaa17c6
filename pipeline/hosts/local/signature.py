"""The check of AWS Signature Version 4, in headers and in presigned addresses.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

moto accepts any credentials. The embedded AWS accepts those of its own installation only.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from urllib.parse import quote, unquote

from pipeline.hosts.local.signed_request import (
    ALGORITHM,
    Claim,
    Rejected,
    Request,
    access_denied,
    claim,
)

_CHUNK_BYTES = 1 << 20
# A body whose digest was not stated is read before the signature is checked. DynamoDB's largest
# request has 16 MiB.
_UNSTATED_BYTES = 16 << 20
_SKEW = timedelta(minutes=15)
_LONGEST_S = 7 * 86400
# Headers that change what a request does: those of AWS, and moto's for another account.
_MUST_BE_SIGNED = ("x-amz-", "x-moto-")
# Bodies without one digest: unsigned, or signed in chunks. Only the first signature is checked.
_NO_DIGEST = ("UNSIGNED-PAYLOAD", "STREAMING-")


@dataclass(frozen=True)
class Keys:
    """The credentials of an installation."""

    access_key_id: str
    secret_access_key: str


def verify(
    request: Request,
    receive: Callable[[int | None], BinaryIO],
    keys: Keys,
    now: Callable[[], datetime] | None = None,
) -> BinaryIO:
    """Check that a request was signed with ``keys``, and return its body, at its start.

    The body is received after the check, unless the signature covers a digest that was not sent.

    Args:
        request: the signed request.
        receive: reads the body, which may have at most so many bytes; any number with None.
        keys: the only credentials accepted.
        now: the time, with its zone.

    Raises:
        Rejected: the request is unsigned, signed with other keys, expired, or was changed.
    """
    claimed = claim(request)
    if claimed.access_key_id != keys.access_key_id:
        raise _unknown_key()
    _check_time(claimed, (now or _utc_now)())
    unsigned = {name for name in request.headers if name.startswith(_MUST_BE_SIGNED)}
    unsigned -= {name.replace("_", "-") for name in claimed.signed}
    if "host" not in claimed.signed or unsigned:
        raise access_denied(
            "These headers have to be signed: " + ", ".join(sorted(unsigned or {"host"})) + "."
        )
    stated = request.header("x-amz-content-sha256")
    if not stated and claimed.expires_s is not None:
        stated = "UNSIGNED-PAYLOAD"
    if not stated:
        body = receive(_UNSTATED_BYTES)
        _check_signature(request, claimed, keys, _digest(body))
        return body
    _check_signature(request, claimed, keys, stated)
    body = receive(None)
    if not stated.startswith(_NO_DIGEST) and stated != _digest(body):
        raise Rejected(
            "XAmzContentSHA256Mismatch",
            "InvalidSignatureException",
            "The body is not the one whose SHA-256 was signed.",
        )
    return body


def _check_signature(request: Request, claimed: Claim, keys: Keys, payload: str) -> None:
    text = "\n".join(
        (ALGORITHM, claimed.time, claimed.scope, _canonical_digest(request, claimed, payload))
    )
    expected = hmac.new(_signing_key(keys, claimed.scope), text.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected.encode(), claimed.signature.encode()):
        raise Rejected(
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "The signature does not match the request and this installation's secret key.",
        )


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _check_time(claimed: Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claimed.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise access_denied("X-Amz-Date has to be a time like 20260131T235959Z.") from None
    if claimed.scope.split("/")[0] != claimed.time[:8]:
        raise access_denied("The date of the credential scope is not the date of X-Amz-Date.")
    if claimed.expires_s is not None and not 0 < claimed.expires_s <= _LONGEST_S:
        raise Rejected(
            "AuthorizationQueryParametersError",
            "IncompleteSignatureException",
            f"X-Amz-Expires has to be from 1 to {_LONGEST_S} seconds.",
        )
    valid_for = _SKEW if claimed.expires_s is None else timedelta(seconds=claimed.expires_s)
    age = now - signed_at
    if age > valid_for and claimed.expires_s is not None:
        raise access_denied("Request has expired. Ask the API for a fresh address.")
    if not -_SKEW <= age <= valid_for:
        raise Rejected(
            "RequestTimeTooSkewed",
            "InvalidSignatureException",
            f"It was signed at {claimed.time}, more than 15 minutes from now. Is the clock right?",
        )


def _digest(body: BinaryIO) -> str:
    """Return the SHA-256 of a body, whose position is at the start again afterwards."""
    digest = hashlib.sha256()
    while chunk := body.read(_CHUNK_BYTES):
        digest.update(chunk)
    body.seek(0)
    return digest.hexdigest()


def _canonical_digest(request: Request, claimed: Claim, payload: str) -> str:
    """Return the SHA-256 of the canonical request.

    S3 encodes a path once; every other service encodes it again as it was sent.
    """
    path = request.path
    if claimed.service == "s3":
        path = unquote(path, errors="surrogateescape")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query
        if name != "X-Amz-Signature"
    )
    headers = b"".join(
        b"%s:%s\n"
        % (name.encode(), b" ".join(request.headers.get(name.replace("_", "-"), b"").split()))
        for name in claimed.signed
    )
    parts = (
        request.method.encode(),
        quote(path, safe="/-_.~", errors="surrogateescape").encode(),
        "&".join(f"{name}={value}" for name, value in pairs).encode(),
        headers,
        ";".join(claimed.signed).encode(),
        payload.encode(),
    )
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _signing_key(keys: Keys, scope: str) -> bytes:
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):  # date, region, service, "aws4_request"
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _unknown_key() -> Rejected:
    return Rejected(
        "InvalidAccessKeyId",
        "UnrecognizedClientException",
        "These are not this installation's credentials. `videodrop up` prints where they are.",
    )
