"""The OpenAPI document of the API."""

from functools import cache
from typing import Any

from pipeline.api.app import create_app


@cache
def api_document() -> dict[str, Any]:
    """Return the document; it takes half a second to make."""
    return create_app().openapi()
