"""CPU time and DynamoDB calls of a search over many videos.

    python -m benchmarks.search [--videos 100000] [--queries 200]

A server in another process answers like DynamoDB, with rows that it makes up when they are asked
for: a vocabulary in which the commonest words are in 90 % of the videos and the rarest in a few, an
hour of speech in each, and full records of four stages. The latest videos are in no block yet. The
CPU time is that of this process: the route, the search, botocore and the parsing of answers.
"""

import argparse
import asyncio
import base64
import json
import logging
import os
import random
import sys
import time
import urllib.parse
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process, Queue
from typing import Any

import httpx
from botocore.client import BaseClient

from pipeline.api.app import create_app
from pipeline.aws.catalog.search_rows import RECENT, STATE, member, recent_row
from pipeline.core.events import Upload
from pipeline.core.search.labels import label_terms
from pipeline.core.search.pages import Interval, Spoken, pack_labels, pack_words, shelf
from pipeline.core.search.stems import stem

SIZE = 5  # logarithm of the number of shelves of an hour of speech
BLOCK = 256
RECENTLY = 32  # videos whose terms are merged at the next tick of the janitor
# Words by the share of videos that have them.
SHARES = {
    0.9: "the and of that this with have time know people",
    0.6: "heart market school music water story number system",
    0.1: "guitar engine planet garden camera kitchen winter bridge",
    0.01: "violin glacier orchid turbine harpoon lantern magnet quarry",
    0.001: "zeppelin obsidian quasar mandolin",
    0.00005: "xylograph zymurgy",
}
WORDS = {word: share for share, words in SHARES.items() for word in words.split()}
LABELS = {"person": 0.8, "car": 0.3, "dog": 0.1, "zebra": 0.002}
CPU_MS, CALLS = 100.0, 12
UPLOAD = Upload(
    event_id="e",
    time=datetime(2026, 1, 1, tzinfo=UTC),
    bucket="uploads",
    key="videos/clip.mp4",
    sequencer="r",
    size=1,
    etag="e",
)
REVISION = UPLOAD.revision
WARM_UP = 5  # queries that load modules


# -- a server that answers like DynamoDB -----------------------------------------------------------


class Store:
    """Rows of so many videos, made when they are asked for."""

    def __init__(self, videos: int) -> None:
        self.videos = videos
        self.merged = videos - RECENTLY
        self.blocks = -(-self.merged // BLOCK)
        self.shares = {stem(word, "en"): share for word, share in WORDS.items()}
        self.shares |= {term: n for label, n in LABELS.items() for term in label_terms(label)}
        self.spellings = {stem(word, "en"): word for word in WORDS}

    @lru_cache(maxsize=20_000)  # noqa: B019 - one store a process
    def members(self, term: str, block: int) -> frozenset[int]:
        """Return the numbers of a block that have a term."""
        share = self.shares.get(term, 0.0)
        chosen = random.Random(f"{term}{block}")  # noqa: S311 - repeatable
        last = min(BLOCK, self.videos - block * BLOCK)
        return frozenset(block * BLOCK + n for n in range(last) if chosen.random() < share)

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Return one row in DynamoDB's JSON."""
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        if pk.startswith("#terms#"):
            term, _, block = sk.rpartition("#")
            found = self.members(term, int(block)) if int(block) < self.blocks else ()
            texts = [member(f"{number:020x}") for number in sorted(found) if number < self.merged]
            return key | {"videos": {"SS": texts}} if texts else None
        if pk.startswith("#pages#"):
            return key | self.page(int(pk.rpartition("#")[2], 16), sk)
        if pk == "#keys":
            return key | {"key": {"S": "00" * 32}}
        if sk == "index":
            number = int(pk, 16)
            block = {"N": str(number // BLOCK)}
            return key | {"block": block} if number < self.merged else None
        return key | self.record(int(pk, 16), sk)

    @lru_cache(maxsize=1)  # noqa: B019
    def recent(self) -> list[dict[str, Any]]:
        """Return the rows of the latest videos, and the number of blocks."""
        made = []
        for number in range(self.merged, self.videos):
            has = {term for term in self.shares if number in self.members(term, number // BLOCK)}
            fillers = {f"zz{number}x{n}" for n in range(1800)}
            row = recent_row(f"{number:020x}", "transcribe", "d", has | fillers, ["en"])
            terms = {"B": base64.b64encode(row["terms"]).decode()}
            texts = {name: {"S": row[name]} for name in ("pk", "sk")}
            made.append(
                {**texts, "terms": terms, "at": {"N": "1"}, "languages": {"L": [{"S": "en"}]}}
            )
        languages = {"L": [{"S": "de"}, {"S": "en"}]}
        blocks = {"N": str(self.blocks)}
        state = {"pk": {"S": RECENT}, "sk": {"S": STATE}, "blocks": blocks, "languages": languages}
        return [*made, state]

    @lru_cache(maxsize=5000)  # noqa: B019
    def page(self, number: int, sk: str) -> dict[str, Any]:
        """Return a page of a video: 64 words, the text, or its labels."""
        name = sk.partition("#")[2]
        chosen = random.Random(f"{number}{sk}")  # noqa: S311
        if name[0] == "l":
            seen = {}
            for label in LABELS:
                if number in self.members(f"@{label}", number // BLOCK):
                    starts = sorted(chosen.randrange(3_600_000) for _ in range(200))
                    seen[label] = [Interval(one, one + 900, 8000) for one in starts]
            return _page(pack_labels(seen).pages["l0"])
        if name[0] == "t":
            words = [_spoken("word", n * 400) for n in range(256)]
            return _page(pack_words(words).pages["t0"])
        wanted = [
            term
            for term in self.spellings
            if shelf(term, SIZE) == int(name[1:]) and number in self.members(term, number // BLOCK)
        ]
        made = []
        for term in wanted:
            word = self.spellings[term]
            often = round(400 * WORDS[word] ** 2) + 2
            made += [_spoken(word, chosen.randrange(3_600_000)) for _ in range(often)]
        for filler in range(64):
            made += [_spoken(f"zz{filler}", chosen.randrange(3_600_000)) for _ in range(4)]
        made.sort(key=lambda one: one.start)
        return _page(words_page(made))

    def indexed(self, number: int, stage: str) -> dict[str, Any]:
        """Return what the index has of a stage's result."""
        labels = [label for label in LABELS if number in self.members(f"@{label}", number // BLOCK)]
        return {
            "transcribe": {
                "revision": REVISION,
                "document": "d",
                "size": SIZE,
                "language": "en",
                "languages": ["en"],
            },
            "thumbnail": {"revision": REVISION, "poster": "artifacts/p.jpg", "storyboard": True},
            "detect": {"revision": REVISION, "document": "l", "size": 0, "labels": labels},
        }.get(stage, {"revision": REVISION})

    def record(self, number: int, sk: str) -> dict[str, Any]:
        """Return a row of a video's record."""
        kind, _, stage = sk.partition("#")
        if kind == "video":
            upload = UPLOAD.model_dump(mode="json")
            return dict(_json({"upload": upload, "stages": [], "sequencer": "r"})["M"])
        artifact = {"media_type": "image/jpeg", "bytes": 1, "sha256": "0" * 64}
        cost = {"seconds": 1, "cpu_seconds": 1, "media_seconds": 1, "bytes_in": 1, "bytes_out": 1}
        result = {
            "stage": stage,
            "version": "1",
            "fingerprint": "f",
            "content_id": "c",
            "revision": REVISION,
            "attempt": 1,
            "prefix": "artifacts/",
            "params": {f"p{n}": n for n in range(12)},
            "identity": {"model": "m"},
            "artifacts": [{**artifact, "name": f"{n}.jpg", "role": "poster"} for n in range(8)],
            "summary": {f"s{n}": [n, n] for n in range(40)},
            "warnings": [],
            "labels": [],
            "cost": cost,
            "queued_at": None,
            "started_at": "2026-01-01T00:00:00Z",
            "finished_at": "2026-01-01T00:00:00Z",
        }
        run = {"stage": stage, "state": "succeeded", "revision": REVISION, "sequencer": "r"}
        about = {"result_revision": REVISION, "indexed": json.dumps(self.indexed(number, stage))}
        return _json({**run, "attempt": 1, "result": result, **about})["M"]


def _spoken(word: str, start: int) -> Spoken:
    return Spoken(word, " ", word, stem(word, "en"), "en", start, start + 300)


def words_page(words: list[Spoken]) -> bytes:
    """Return one page of so many words, as if the others were on other pages."""
    places: dict[str, list[int]] = {}
    for number, one in enumerate(words):
        places.setdefault(one.term, []).append(number)
    rows = []
    for term, numbers in places.items():
        starts = [words[number].start for number in numbers]
        rows.append([term, stem(term, "en"), "en", differences(numbers), differences(starts)])
    return zlib.compress(json.dumps(rows).encode())


def differences(numbers: list[int]) -> list[int]:
    """Return the differences of rising numbers."""
    return [after - before for before, after in zip([0, *numbers], numbers, strict=False)]


def _page(page: bytes) -> dict[str, Any]:
    return {"page": {"B": base64.b64encode(page).decode()}}


def _text(value: Any) -> dict[str, Any]:
    return {"S": json.dumps(value)}


def _json(value: Any) -> dict[str, Any]:
    """Return a value in DynamoDB's JSON."""
    match value:
        case None:
            return {"NULL": True}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": str(value)}
        case list():
            return {"L": [_json(one) for one in value]}
    return {"M": {name: _json(one) for name, one in value.items()}}


def serve(videos: int, told: "Queue[int]") -> None:
    """Answer GetItem, BatchGetItem and Query until the process ends."""
    store = Store(videos)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            body = json.dumps(answer(store, operation, asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.put(server.server_port)
    server.serve_forever()


def queried(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the rows of a term below a block, or of all terms with a prefix; the latest first."""
    pk, *sort = (one["S"] for _, one in sorted(asked["ExpressionAttributeValues"].items()))
    if pk == RECENT:
        return {"Items": store.recent()}
    prefix = sort[0].partition("#")[0]
    last = store.blocks
    terms = [term for term in store.shares if term.startswith(prefix)]
    if len(sort) > 1:
        terms, last = [prefix], int(sort[1].rpartition("#")[2]) + 1
    keys = [f"{term}#{block:06d}" for term in sorted(terms) for block in range(last)][::-1]
    if start := asked.get("ExclusiveStartKey"):
        keys = keys[keys.index(start["sk"]["S"]) + 1 :]
    made: list[dict[str, Any]] = []
    for sk in keys:
        if len(made) == asked["Limit"]:
            return {"Items": made, "LastEvaluatedKey": {"pk": {"S": pk}, "sk": made[-1]["sk"]}}
        if item := store.item(pk, sk):
            made.append(item)
    return {"Items": made}


def answer(store: Store, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request."""
    match operation:
        case "GetItem":
            item = store.item(asked["Key"]["pk"]["S"], asked["Key"]["sk"]["S"])
            return {"Item": item} if item else {}
        case "BatchGetItem":
            ((table, request),) = asked["RequestItems"].items()
            found = [store.item(key["pk"]["S"], key["sk"]["S"]) for key in request["Keys"]]
            kept = [projected(item, request) for item in found if item]
            return {"Responses": {table: kept}}
    return queried(store, asked)


def projected(item: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that a request asks for; paths have at most two levels."""
    if "ProjectionExpression" not in request:
        return item
    names, made = request["ExpressionAttributeNames"], {}
    for path in request["ProjectionExpression"].split(", "):
        outer, *inner = (names[one] for one in path.split("."))
        if outer not in item:
            continue
        if not inner:
            made[outer] = item[outer]
        elif inner[0] in item[outer]["M"]:
            within = made.setdefault(outer, {"M": {}})["M"]
            within[inner[0]] = item[outer]["M"][inner[0]]
    return made


# -- queries ---------------------------------------------------------------------------------------


def queries(count: int) -> Iterator[dict[str, Any]]:
    """Yield queries of all kinds; words are drawn by how common they are, then at random."""
    chosen = random.Random(1)  # noqa: S311

    def word() -> str:
        return chosen.choice(SHARES[chosen.choice(list(SHARES))].split())

    for number in range(count):
        words = " ".join(word() for _ in range(chosen.choice((1, 1, 2, 2, 3, 4))))
        label = chosen.choice(list(LABELS))
        match number % 6:
            case 0:
                yield {"q": words}
            case 1:
                yield {"q": f'"{words}"'}
            case 2:
                yield {"q": f"{words} -{word()}"}
            case 3:
                yield {"q": words, "label": label, "within": "5s"}
            case 4:
                yield {"q": f"{word()[:4]}* {words}"}
            case _:
                yield {"label": [label, chosen.choice(list(LABELS))], "min_confidence": 0.5}


async def measure(count: int) -> tuple[list[float], Counter[int], list[tuple[float, int, str]]]:
    """Return CPU milliseconds and calls of each query."""
    calls = 0
    call = BaseClient._make_api_call  # noqa: SLF001 - the one place that all calls pass

    def counted(client: BaseClient, operation: str, request: Any) -> Any:
        nonlocal calls
        calls += 1
        return call(client, operation, request)

    BaseClient._make_api_call = counted  # type: ignore[method-assign] # noqa: SLF001
    app = create_app()
    app.state.context.open()  # as the handler does
    transport = httpx.ASGITransport(app)
    times: list[float] = []
    made: Counter[int] = Counter()
    each: list[tuple[float, int, str]] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as api:
        for number, query in enumerate(queries(count + WARM_UP)):
            calls, before = 0, time.process_time()
            path = f"/search?{urllib.parse.urlencode(query, doseq=True)}"
            done = await api.get(path)
            spent = (time.process_time() - before) * 1000
            done.raise_for_status()
            if number >= WARM_UP:
                times.append(spent)
                made[calls] += 1
                each.append((spent, calls, path))
    return times, made, each


def main() -> int:
    """Measure, print, and return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    given = parser.parse_args()
    told: Queue[int] = Queue()
    server = Process(target=serve, args=(given.videos, told), daemon=True)
    server.start()
    os.environ.update(
        AWS_ENDPOINT_URL_DYNAMODB=f"http://127.0.0.1:{told.get()}",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
    )
    logging.disable(logging.INFO)
    try:
        times, calls, each = asyncio.run(measure(given.queries))
    finally:
        server.terminate()
        server.join()
    ordered = sorted(times)
    p95 = ordered[int(len(ordered) * 0.95)]
    found = {
        "videos": given.videos,
        "cpu_ms": {"p50": round(ordered[len(ordered) // 2], 1), "p95": round(p95, 1)},
        "most_cpu_ms": round(ordered[-1], 1),
        "most_calls": max(calls),
        "slowest": [list(one) for one in sorted(each, reverse=True)[:5]],
    }
    print(json.dumps(found, indent=1))
    return int(p95 > CPU_MS or max(calls) > CALLS)


if __name__ == "__main__":
    sys.exit(main())
