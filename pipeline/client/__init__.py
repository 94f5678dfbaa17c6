"""A typed client of the API, without and with asyncio: ``Client`` and ``AsyncClient``.

It needs httpx and pydantic only (``pip install 'videodrop[client]'``), and imports nothing of the
pipeline.
"""

from pipeline.client.client import AsyncClient, Client
from pipeline.client.errors import ApiError
from pipeline.client.server_sent import Event

__all__ = ["ApiError", "AsyncClient", "Client", "Event"]
