"""One request to the API, independent of how it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic_core import to_jsonable_python


@dataclass(frozen=True)
class Call:
    """A request; arguments that are None are not sent.

    Attributes:
        template: a path of OpenAPI, such as ``/videos/{video_id}``.
        path: values of its parts in braces.
        query: query parameters.
        headers: headers.
        body: fields of the JSON body; None without a body.
    """

    method: str
    template: str
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of httpx for this request."""
        path = self.template
        for name, value in self.path.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe="/"))
        found: dict[str, Any] = {
            "method": self.method,
            "url": path.lstrip("/"),
            "params": {name: _plain(one) for name, one in _given(self.query).items()},
            "headers": {name: str(one) for name, one in _given(self.headers).items()},
        }
        if self.body is not None:
            found["json"] = to_jsonable_python(_given(self.body))
        return found

    @property
    def is_repeatable(self) -> bool:
        """Return True if a second request does no harm."""
        return self.method == "GET"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
