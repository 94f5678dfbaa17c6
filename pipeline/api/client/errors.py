"""The error of a request that the API rejected."""

from typing import Any

import httpx


class ApiError(Exception):
    """An answer with an error status (RFC 9457).

    Attributes:
        status: HTTP status.
        code: the stable code of the problem, for programs; ``http_error`` where there is none.
        detail: what was wrong, and what to do.
        problem: all members of the problem.
    """

    def __init__(self, status: int, code: str, detail: str, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.problem = problem

    @classmethod
    def of(cls, response: httpx.Response) -> "ApiError":
        """Return the error of a response, whose body was read."""
        try:
            problem = response.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            problem = {}
        # API Gateway's own answers have a message alone.
        detail = problem.get("detail") or problem.get("message") or response.text[:200]
        return cls(
            response.status_code,
            problem.get("code", "http_error"),
            str(detail or response.reason_phrase),
            problem,
        )
