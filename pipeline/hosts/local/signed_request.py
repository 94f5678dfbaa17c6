"""A signed request as it came in: what its signature covers, and what the signature claims."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote_plus

ALGORITHM = "AWS4-HMAC-SHA256"
# A path and a query in printable ASCII. After "#", servers drop what the signature would cover.
_TARGET = re.compile(r"/[!-\"$-~]*")
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)"
)


class Rejected(Exception):
    """A request that the embedded AWS does not accept.

    Args:
        code: S3's code.
        json_code: the code of services that speak JSON.
        message: what is wrong, and what to do.
        status: the HTTP status.
    """

    def __init__(
        self,
        code: str,
        json_code: str,
        message: str,
        status: HTTPStatus = HTTPStatus.FORBIDDEN,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.json_code = json_code
        self.message = message
        self.status = status


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
class Claim:
    """A signature as sent, before its check."""

    credential: str
    signed: list[str]
    signature: str
    time: str
    expires_s: int | None  # None: in headers

    @property
    def access_key_id(self) -> str:
        """Return the access key that the signature names."""
        return self.credential.partition("/")[0]

    @property
    def service(self) -> str:
        """Return the service that the request is for; empty if the scope names none."""
        return dict(enumerate(self.scope.split("/"))).get(2, "")

    @property
    def scope(self) -> str:
        """Return date, region, service and terminator, separated by slashes."""
        return self.credential.partition("/")[2]


def claim(request: Request) -> Claim:
    """Return the signature that a request carries.

    Raises:
        Rejected: it carries none, or one of another form.
    """
    query = _query(request)
    if authorization := request.header("authorization"):
        if not (found := _AUTHORIZATION.fullmatch(authorization.strip())):
            raise access_denied("Only Signature Version 4 is accepted (s3v4 in boto3).")
        credential, signed, signature = found.groups()
        time = request.header("x-amz-date")
        return Claim(credential, signed.split(";"), signature, time, None)
    if "X-Amz-Signature" not in query:
        raise Rejected(
            "AccessDenied",
            "MissingAuthenticationTokenException",
            "The embedded AWS accepts signed requests only. `videodrop up` prints where this "
            "installation's credentials are.",
        )
    try:
        expires_s = int(query["X-Amz-Expires"])
        return Claim(
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


def access_denied(message: str) -> Rejected:
    """Return the rejection of a request without a valid signature."""
    return Rejected("AccessDenied", "AccessDeniedException", message)
