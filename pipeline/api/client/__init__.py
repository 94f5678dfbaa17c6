"""A typed client of the API, without and with asyncio: ``Client`` and ``AsyncClient``.

It needs httpx and pydantic only (``pip install 'videodrop[client]'``), and imports nothing of the
pipeline.
"""

from pipeline.api.client.client import AsyncClient, Client
from pipeline.api.client.errors import ApiError
from pipeline.api.client.server_sent import Event

__all__ = ["ApiError", "AsyncClient", "Client", "Event"]
