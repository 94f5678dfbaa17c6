"""Problem details (RFC 9457): the body of every HTTP error."""

from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"


def details(status: int, code: str, detail: str) -> dict[str, Any]:
    """Return the members that all problems have.

    Args:
        status: HTTP status.
        code: a stable snake_case word for programs.
        detail: a sentence or two for a person.
    """
    return {
        "type": f"urn:videodrop:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
