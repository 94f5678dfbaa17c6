"""A library of indexed videos in memory: the catalog, its index and the search, without AWS."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.search_merge import Merge
from pipeline.aws.catalog.search_rows import RECENT, STATE
from pipeline.aws.catalog.standing import Standings
from pipeline.aws.catalog.videos import Videos
from pipeline.core.events import Deletion, Upload
from pipeline.core.records import Cost, PublishedArtifact, StageResult, StageRun
from pipeline.core.settings import Settings
from pipeline.results.search.index import SearchIndex
from pipeline.results.search.query import Query
from pipeline.results.search.search import Found, Search
from tests.fakes.claims import claim_run
from tests.fakes.memory import Faults, MemoryTable

STAGES = ("transcribe", "detect")
START = datetime(2026, 1, 1, tzinfo=UTC)
WORD_S = 0.5

Rows = dict[tuple[str, str], dict[str, Any]]
Seen = dict[str, list[tuple[float, float, float]]]
"""Start, end and confidence of the intervals of labels."""


class PartitionedTable(MemoryTable):
    """A table that finds a partition without reading the others."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(Settings().topology, faults)
        self.items = _Items()

    def query(self, **request: Any) -> Iterator[dict[str, Any]]:
        everything, condition = self.items, request["KeyConditionExpression"]
        while condition.expression_operator == "AND":
            condition = condition._values[0]
        if not request.get("IndexName") and isinstance(everything, _Items):
            pk = condition._values[1]
            self.items = {(pk, sk): everything[pk, sk] for sk in everything.partitions[pk]}
        try:
            found = list(super().query(**request))
        finally:
            self.items = everything
        yield from found


class _Items(dict[tuple[str, str], dict[str, Any]]):
    def __init__(self, items: dict[tuple[str, str], dict[str, Any]] | None = None) -> None:
        super().__init__()
        self.partitions: dict[str, dict[str, None]] = defaultdict(dict)
        self.update(items or {})

    def __setitem__(self, key: tuple[str, str], item: dict[str, Any]) -> None:
        self.partitions[key[0]][key[1]] = None
        super().__setitem__(key, item)

    def update(self, items: Any) -> None:
        for key, item in dict(items).items():
            self[key] = item

    def setdefault(self, key: tuple[str, str], item: Any) -> Any:
        if key not in self:
            self[key] = item
        return self[key]

    def pop(self, key: tuple[str, str], *default: Any) -> Any:
        self.partitions[key[0]].pop(key[1], None)
        return super().pop(key, *default)


class Library:
    """Videos with words and objects, written through the catalog's own methods."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.table = PartitionedTable(self.faults)
        self.files: dict[str, bytes] = {}
        videos = Videos(self.table, STAGES)
        self.standings = Standings(self.table, STAGES)
        merge = Merge(self.table, self.standings, at_once=1, fewest=1)
        self.index = SearchIndex(merge, videos, lambda key: [self.files[key]])
        self.catalog = Catalog(self.table, STAGES, self.index)
        self.search = Search(self.table, self.standings)
        self._uploads = 0

    def snapshot(self) -> Rows:
        return {key: _copied(item) for key, item in self.table.items.items()}

    def restore(self, rows: Rows) -> None:
        self.table.items = _Items({key: _copied(item) for key, item in rows.items()})

    def upload(self, name: str, *, at: datetime | None = None) -> Upload:
        self._uploads += 1
        upload = Upload(
            event_id=f"event-{self._uploads}",
            time=at or START + timedelta(minutes=self._uploads),
            bucket="uploads",
            key=f"videos/{name}",
            sequencer=f"{self._uploads:040d}",
            size=1000,
            etag=f"{self._uploads:032d}",
        )
        self.catalog.record_upload(upload, patience_s=3600)
        return upload

    def claim(self, upload: Upload, stage: str, *, shadow: bool = False) -> StageRun:
        runs = self.catalog.runs_of(shadow=shadow)
        return claim_run(runs, upload, stage, event_id="event", lease_s=60)

    def result(
        self, upload: Upload, run: StageRun, made: str | Seen, *, language: str = "en"
    ) -> StageResult:
        """Make a result of text, or of labels in view."""
        prefix = f"{upload.video_id}/{upload.revision}/{run.stage}/{run.attempt}/"
        name, role = ("transcript.json", "transcript_json")
        if isinstance(made, str):
            content = json.dumps(transcript(made, language=language)).encode()
        else:
            name, role, content = "tracks.json", "tracks_json", tracks(made)
        self.files[prefix + name] = content
        return StageResult(
            stage=run.stage,
            version="1",
            fingerprint=f"{run.stage}-{upload.revision}-{run.attempt}",
            content_id=upload.content_id,
            revision=upload.revision,
            attempt=run.attempt,
            prefix=prefix,
            params={},
            identity={},
            artifacts=[
                PublishedArtifact(
                    name=name, role=role, media_type="application/json", bytes=1, sha256="0"
                )
            ],
            summary={},
            warnings=[],
            labels=[] if isinstance(made, str) else list(made),
            cost=Cost(seconds=1, cpu_seconds=1, media_seconds=1, bytes_in=1, bytes_out=1),
            queued_at=None,
            started_at=START,
            finished_at=START + timedelta(seconds=run.attempt),
        )

    def say(self, upload: Upload, text: str, *, language: str = "en") -> StageResult:
        return self._succeed(upload, "transcribe", text, language=language)

    def show(self, upload: Upload, seen: Seen) -> StageResult:
        return self._succeed(upload, "detect", seen)

    def _succeed(
        self, upload: Upload, stage: str, made: str | Seen, *, language: str = "en"
    ) -> StageResult:
        run = self.claim(upload, stage)
        result = self.result(upload, run, made, language=language)
        self.catalog.succeed(upload.video_id, run, result, upload=upload)
        return result

    def delete(self, upload: Upload) -> None:
        """Delete a video; the same event each time."""
        self.catalog.record_deletion(
            Deletion(
                event_id="gone",
                time=upload.time + timedelta(days=1),
                bucket=upload.bucket,
                key=upload.key,
                sequencer=f"{upload.sequencer}1",
            )
        )

    def find(self, text: str = "", **query: Any) -> Found:
        return self.search.find(Query(text, per_video=1000, **query), limit=20)

    def all(self, query: Query) -> set[tuple[str, float]]:
        """Return video and start of all moments, over all pages."""
        found: list[tuple[str, float]] = []
        cursor = None
        while True:
            page = self.search.find(query, cursor=cursor, limit=20)
            found += [(hit.indexed.video_id, hit.moment.start / 1000) for hit in page.hits]
            if (cursor := page.next_cursor) is None:
                assert len(found) == len(set(found)), "a moment is on one page only"
                return set(found)

    def starts(self, text: str = "", **query: Any) -> list[float]:
        return [hit.moment.start / 1000 for hit in self.find(text, **query).hits]

    def merge(self) -> int:
        return self.index.merge(within_s=3600)

    def age(self) -> None:
        """Let documents and leases be old, as if a writer had died a while ago."""
        for item in self.table.items.values():
            if item.get("at"):
                item["at"] = 1
            if item.get("held_until"):
                item["held_until"] = "0000000001.000"

    def index_rows(self) -> list[tuple[str, str]]:
        """Return the keys of what the index has of videos."""
        return [
            (pk, sk)
            for pk, sk in self.table.items
            if (pk.startswith(("#recent", "#pages#", "#terms#")) and (pk, sk) != (RECENT, STATE))
            or (pk[0] != "#" and sk == "index")
        ]

    def terms(self) -> set[str]:
        """Return the terms of blocks."""
        return {sk.partition("#")[0] for pk, sk in self.index_rows() if pk.startswith("#terms#")}


def _copied(item: dict[str, Any]) -> dict[str, Any]:
    raw = any(isinstance(one, bytes) for one in item.values())
    return dict(item) if raw else dict(json.loads(json.dumps(item)))


def transcript(text: str, *, language: str = "en") -> dict[str, Any]:
    """Make a transcript with a word every half second, and a segment a line."""
    segments, number = [], 0
    for line in text.splitlines():
        words = []
        for word in line.split(" "):
            start = number * WORD_S
            words.append(
                {
                    "text": word if language in {"ja", "zh", "th"} else f" {word}",
                    "start": start,
                    "end": start + WORD_S * 0.8,
                    "probability": 0.9,
                }
            )
            number += 1
        segments.append(
            {
                "text": "".join(word["text"] for word in words),
                "start": words[0]["start"],
                "end": words[-1]["end"],
                "probability": 0.9,
                "words": words,
            }
        )
    return {
        "task": "transcribe",
        "language": language,
        "language_probability": 1.0,
        "duration": number * WORD_S,
        "model": {"name": "tiny", "sha256": "0", "engine": "e", "engine_version": "1"},
        "segments": segments,
    }


def tracks(seen: Seen) -> bytes:
    lines = []
    for label, intervals in seen.items():
        for number, (start, end, confidence) in enumerate(intervals):
            best = {"time": start, "confidence": confidence, "box": [0, 0, 1, 1]}
            lines.append(
                json.dumps(
                    {
                        "id": number,
                        "label": label,
                        "start": start,
                        "end": end,
                        "frames": 1,
                        "best": best,
                    }
                )
            )
    return ('{"tracks": [\n' + ",\n".join(lines) + "\n]}\n").encode()
