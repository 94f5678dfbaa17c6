"""The sending of calls by httpx: tokens, retries, errors, and the parsing of answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar, cast

import httpx
from pydantic import TypeAdapter

from pipeline.api.client.call import Call
from pipeline.api.client.errors import ApiError
from pipeline.api.client.server_sent import Event, Reader

T = TypeVar("T")

LOCAL = "http://127.0.0.1:8080"
_UNAVAILABLE = 503
_LONGEST_PAUSE_S = 10.0
_EVENTS = {"Accept": "text/event-stream"}
# Silence is normal in a stream of events.
_STREAM = httpx.Timeout(30, read=None)
_PART = httpx.Timeout(300)


class Transport:
    """A connection to the API.

    Args:
        url: the address of the API, with its path prefix if there is one.
        token: a bearer token, where the installation requires one.
        timeout_s: seconds that the server may be silent.
        retries: how often a GET is repeated that the server could not answer at the moment.
        http: an httpx client to use, instead of a new one.
    """

    def __init__(
        self,
        url: str = LOCAL,
        *,
        token: str | None = None,
        timeout_s: float = 60,
        retries: int = 2,
        http: httpx.Client | None = None,
    ) -> None:
        self._retries = retries
        self._http = http or httpx.Client(timeout=timeout_s)
        _configure(self._http, url, token)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, call: Call, kind: type[T]) -> T:
        for attempt in range(self._retries + 1):
            response = self._http.request(**call.arguments())
            if not _passes(call, response) or attempt == self._retries:
                break
            time.sleep(_pause(response))
        return _parsed(response, kind)

    def _events(self, call: Call) -> Iterator[Event]:
        reader = Reader()
        given = call.arguments()
        given["headers"] |= _EVENTS
        with self._http.stream(**given, timeout=_STREAM) as response:
            if response.is_error:
                response.read()
                raise ApiError.of(response)
            for line in response.iter_lines():
                if event := reader.line(line):
                    yield event

    def _put(self, url: str, content: bytes) -> None:
        _checked(self._http.send(_stored(self._http, url, content)))


class AsyncTransport:
    """A connection to the API, for asyncio; the arguments are those of ``Transport``."""

    def __init__(
        self,
        url: str = LOCAL,
        *,
        token: str | None = None,
        timeout_s: float = 60,
        retries: int = 2,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._retries = retries
        self._http = http or httpx.AsyncClient(timeout=timeout_s)
        _configure(self._http, url, token)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, call: Call, kind: type[T]) -> T:
        for attempt in range(self._retries + 1):
            response = await self._http.request(**call.arguments())
            if not _passes(call, response) or attempt == self._retries:
                break
            await asyncio.sleep(_pause(response))
        return _parsed(response, kind)

    async def _events(self, call: Call) -> AsyncIterator[Event]:
        reader = Reader()
        given = call.arguments()
        given["headers"] |= _EVENTS
        async with self._http.stream(**given, timeout=_STREAM) as response:
            if response.is_error:
                await response.aread()
                raise ApiError.of(response)
            async for line in response.aiter_lines():
                if event := reader.line(line):
                    yield event

    async def _put(self, url: str, content: bytes) -> None:
        _checked(await self._http.send(_stored(self._http, url, content)))


def _stored(http: httpx.Client | httpx.AsyncClient, url: str, content: bytes) -> httpx.Request:
    """Return the request that stores a part at a signed address, without our token."""
    request = http.build_request("PUT", url, content=content, timeout=_PART)
    request.headers.pop("Authorization", None)
    return request


def _configure(http: httpx.Client | httpx.AsyncClient, url: str, token: str | None) -> None:
    http.base_url = httpx.URL(f"{url.rstrip('/')}/")
    if token:
        http.headers["Authorization"] = f"Bearer {token}"


def _passes(call: Call, response: httpx.Response) -> bool:
    """Return True if the failure is temporary, and the request may be repeated."""
    return call.is_repeatable and response.status_code == _UNAVAILABLE


def _pause(response: httpx.Response) -> float:
    given = response.headers.get("Retry-After", "1")
    return min(float(given), _LONGEST_PAUSE_S) if given.isdecimal() else 1.0


def _checked(response: httpx.Response) -> None:
    if not response.is_success:
        raise ApiError.of(response)


def _parsed(response: httpx.Response, kind: type[T]) -> T:
    _checked(response)
    if kind is str:
        return cast("T", response.text)
    if kind is type(None):
        return None
    return TypeAdapter(kind).validate_json(response.content)
