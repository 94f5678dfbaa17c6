"""The embedded AWS, with counts of its requests and of the bytes that it sends.

    python -m benchmarks.counting_server FOLDER PORT

``GET /benchmarks/counts`` returns the counts as JSON. Requests of the benchmark itself are not
counted: it sets ``AWS_SDK_UA_APP_ID`` to ``OBSERVER``, which botocore sends with each request.
"""

import json
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from pipeline.hosts.local import gate, server
from pipeline.hosts.local.gate import App, Environ, StartResponse

OBSERVER: Final = "videodrop-benchmark"
COUNTS: Final = "/benchmarks/counts"
_SENT: Final = "bytes sent by S3"
_POLLS: Final = ("ReceiveMessage", "GetQueueAttributes")


class Counted:
    """A WSGI application that counts the requests to another one."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Count a request and pass it on, or answer with the counts."""
        if environ.get("PATH_INFO") == COUNTS:
            with self._lock:
                body = json.dumps(self._counts).encode()
            start_response("200 OK", [("Content-Length", str(len(body)))])
            return [body]
        if OBSERVER in environ.get("HTTP_USER_AGENT", ""):
            return self._app(environ, start_response)
        name = operation(environ)
        self._add(name, 1)
        if name != "GET object":
            return self._app(environ, start_response)
        bucket = str(environ["PATH_INFO"]).split("/")[1]

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            lengths = [int(text) for name, text in headers if name.lower() == "content-length"]
            self._add(f"{_SENT} from {bucket}", sum(lengths))
            return start_response(status, headers, *rest)

        return self._app(environ, started)

    def _add(self, name: str, count: int) -> None:
        with self._lock:
            self._counts[name] += count


def operation(environ: Environ) -> str:
    """Return the name of a request's operation; S3 has a method, and bucket or object."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    parts = [part for part in environ.get("PATH_INFO", "").split("/") if part]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    kind = "object" if len(parts) > 1 else "bucket"
    multipart = " (multipart)" if {"uploads", "uploadId"} & query.keys() else ""
    return f"{environ['REQUEST_METHOD']} {kind}{multipart}"


def counts(endpoint: str) -> dict[str, int]:
    """Return the counts of a running server."""
    with urllib.request.urlopen(endpoint + COUNTS) as answer:  # noqa: S310 - our own server
        return dict(json.load(answer))


def calls(before: dict[str, int], after: dict[str, int]) -> int:
    """Return the number of calls between two counts, without the polls of an idle stack."""
    return sum(made(before, after).values())


def made(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Return the calls between two counts by operation, without the polls of an idle stack."""
    changes = {name: count - before.get(name, 0) for name, count in after.items()}
    return {
        name: n
        for name, n in changes.items()
        if n and name not in _POLLS and not name.startswith(_SENT)
    }


def sent_mb(before: dict[str, int], after: dict[str, int], bucket: str = "") -> float:
    """Return the megabytes that S3 sent between two counts, of one bucket or of all."""
    sent = {name for name in after if name.startswith(_SENT) and name.endswith(bucket)}
    return sum(after[name] - before.get(name, 0) for name in sent) / 1e6


def _counting(guarded: Callable[..., App]) -> Callable[..., App]:
    def wrapped(*given: Any, **named: Any) -> App:
        return Counted(guarded(*given, **named))

    return wrapped


if __name__ == "__main__":
    server.guarded = _counting(gate.guarded)  # type: ignore[attr-defined]
    server.main(Path(sys.argv[1]), int(sys.argv[2]))
