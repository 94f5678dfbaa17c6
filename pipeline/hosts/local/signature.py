"""The check of AWS Signature Version 4, in headers and in presigned addresses.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

moto accepts any credentials. The embedded AWS accepts those of its own installation only.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from urllib.parse import quote, unquote, unquote_plus

_ALGORITHM = "AWS4-HMAC-SHA256"
_CHUNK_BYTES = 1 << 20
_SKEW = timedelta(minutes=15)
_LONGEST_S = 7 * 86400
_SHA256 = re.compile(r"[0-9a-f]{64}")
# A path and a query in printable ASCII. After "#", servers drop what the signature would cover.
_TARGET = re.compile(r"/[!-\"$-~]*")
# Headers that change what a request does: those of AWS, and moto's for another account.
_MUST_BE_SIGNED = ("x-amz-", "x-moto-")
# Bodies without one digest: unsigned, or signed in chunks. Only the first signature is checked.
_NO_DIGEST = ("UNSIGNED-PAYLOAD", "STREAMING-")
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM}\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)"
)


class Rejected(Exception):
    """A request that does not carry a valid signature.

    Args:
        code: S3's code.
        json_code: the code of services that speak JSON.
        message: what is wrong, and what to do.
    """

    def __init__(self, code: str, json_code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.json_code = json_code
        self.message = message


@dataclass(frozen=True)
class Keys:
    """The credentials of an installation."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Request:
    """The parts of a request that a signature covers.

    Attributes:
        method: in upper case.
        target: the request target as sent, percent-encoded.
        headers: bytes as sent, by lower-case name, with ``-`` for each ``_``.
    """

    method: str
    target: str
    headers: Mapping[str, bytes]

    @property
    def path(self) -> str:
        """Return the target's path, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """Return the target's parameters, decoded, in the order sent.

        Raises:
            UnicodeDecodeError: a parameter is not UTF-8.
        """
        parts = [part for part in self.target.partition("?")[2].split("&") if part]
        pairs = (part.partition("=") for part in parts)
        return [
            (unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))
            for name, _, value in pairs
        ]

    def header(self, name: str) -> str:
        """Return a header's value; empty if it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")


@dataclass(frozen=True)
class _Claim:
    """A signature as sent, before its check."""

    credential: str
    signed: list[str]
    signature: str
    time: str
    expires_s: int | None  # None: in headers

    @property
    def access_key_id(self) -> str:
        return self.credential.partition("/")[0]

    @property
    def scope(self) -> str:
        return self.credential.partition("/")[2]


def knows_key(request: Request, keys: Keys) -> bool:
    """Return whether a request has this installation's access key: a cheap first check."""
    try:
        return _claim(request).access_key_id == keys.access_key_id
    except Rejected:
        return False


def verify(
    request: Request, body: BinaryIO, keys: Keys, now: Callable[[], datetime] | None = None
) -> None:
    """Check that a request was signed with ``keys``, and that the signature has not expired.

    Args:
        request: the signed request.
        body: its body; its position is at the start again afterwards.
        keys: the only credentials accepted.
        now: the time, with its zone.

    Raises:
        Rejected: the request is unsigned, signed with other keys, expired, or was changed.
    """
    claim = _claim(request)
    if claim.access_key_id != keys.access_key_id:
        raise _unknown_key()
    _check_time(claim, (now or _utc_now)())
    payload = _payload(request, body, presigned=claim.expires_s is not None)
    unsigned = {name for name in request.headers if name.startswith(_MUST_BE_SIGNED)}
    unsigned -= {name.replace("_", "-") for name in claim.signed}
    if "host" not in claim.signed or unsigned:
        raise _access_denied(
            "These headers have to be signed: " + ", ".join(sorted(unsigned or {"host"})) + "."
        )
    text = "\n".join(
        (_ALGORITHM, claim.time, claim.scope, _canonical_digest(request, claim, payload))
    )
    expected = hmac.new(_signing_key(keys, claim.scope), text.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise Rejected(
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "The signature does not match the request and this installation's secret key.",
        )


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _claim(request: Request) -> _Claim:
    query = _query(request)
    if authorization := request.header("authorization"):
        if not (found := _AUTHORIZATION.fullmatch(authorization.strip())):
            raise _access_denied("Only Signature Version 4 is accepted (s3v4 in boto3).")
        credential, signed, signature = found.groups()
        time = request.header("x-amz-date")
        return _Claim(credential, signed.split(";"), signature, time, None)
    if "X-Amz-Signature" not in query:
        raise Rejected(
            "AccessDenied",
            "MissingAuthenticationTokenException",
            "The embedded AWS accepts signed requests only. `videodrop up` prints where this "
            "installation's credentials are.",
        )
    try:
        expires_s = int(query["X-Amz-Expires"])
        return _Claim(
            query["X-Amz-Credential"],
            query["X-Amz-SignedHeaders"].split(";"),
            query["X-Amz-Signature"],
            query["X-Amz-Date"],
            expires_s,
        )
    except (KeyError, ValueError):
        raise Rejected(
            "AuthorizationQueryParametersError",
            "IncompleteSignatureException",
            "The presigned address lacks a parameter of Signature Version 4.",
        ) from None


def _query(request: Request) -> dict[str, str]:
    """Return the target's parameters, if all who read the target read the same in it."""
    try:
        if _TARGET.fullmatch(request.target):
            return dict(request.query)
    except UnicodeDecodeError:
        pass
    raise Rejected(
        "InvalidURI",
        "InvalidRequestException",
        "The request target has to be a path and a query, percent-encoded UTF-8.",
    )


def _check_time(claim: _Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _access_denied("X-Amz-Date has to be a time like 20260131T235959Z.") from None
    if claim.scope.split("/")[0] != claim.time[:8]:
        raise _access_denied("The date of the credential scope is not the date of X-Amz-Date.")
    if claim.expires_s is not None and not 0 < claim.expires_s <= _LONGEST_S:
        raise Rejected(
            "AuthorizationQueryParametersError",
            "IncompleteSignatureException",
            f"X-Amz-Expires has to be from 1 to {_LONGEST_S} seconds.",
        )
    valid_for = _SKEW if claim.expires_s is None else timedelta(seconds=claim.expires_s)
    age = now - signed_at
    if age > valid_for and claim.expires_s is not None:
        raise _access_denied("Request has expired. Ask the API for a fresh address.")
    if not -_SKEW <= age <= valid_for:
        raise Rejected(
            "RequestTimeTooSkewed",
            "InvalidSignatureException",
            f"It was signed at {claim.time}, more than 15 minutes from now. Is the clock right?",
        )


def _payload(request: Request, body: BinaryIO, *, presigned: bool) -> str:
    """Return the digest of the body that was signed, after checking the body against it."""
    said = request.header("x-amz-content-sha256")
    if said.startswith(_NO_DIGEST):
        return said
    if presigned and not said:
        return "UNSIGNED-PAYLOAD"
    digest = hashlib.sha256()
    while chunk := body.read(_CHUNK_BYTES):
        digest.update(chunk)
    found = digest.hexdigest()
    body.seek(0)
    if _SHA256.fullmatch(said) and said != found:
        raise Rejected(
            "XAmzContentSHA256Mismatch",
            "InvalidSignatureException",
            "The body is not the one whose SHA-256 was signed.",
        )
    return said or found


def _canonical_digest(request: Request, claim: _Claim, payload: str) -> str:
    """Return the SHA-256 of the canonical request, with S3's encoding for all services.

    Services other than S3 encode a path twice; the paths of those here need no encoding.
    """
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query
        if name != "X-Amz-Signature"
    )
    headers = b"".join(
        b"%s:%s\n"
        % (name.encode(), b" ".join(request.headers.get(name.replace("_", "-"), b"").split()))
        for name in claim.signed
    )
    parts = (
        request.method.encode(),
        quote(
            unquote(request.path, errors="surrogateescape"), safe="/-_.~", errors="surrogateescape"
        ).encode(),
        "&".join(f"{name}={value}" for name, value in pairs).encode(),
        headers,
        ";".join(claim.signed).encode(),
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


def _access_denied(message: str) -> Rejected:
    return Rejected("AccessDenied", "AccessDeniedException", message)
