"""The uploads bucket, watched: what the next look compares, and what is sent again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.aws import watch as module
from pipeline.aws.watch import Watch
from pipeline.core import events
from pipeline.core.errors import DependencyFailed

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def listed(key: str, time: datetime = AT) -> dict[str, Any]:
    return {"Key": key, "ETag": '"e"', "Size": 1, "LastModified": time}


def page(time: datetime, *objects: dict[str, Any]) -> dict[str, Any]:
    headers = {"date": format_datetime(time, usegmt=True)}
    return {"ResponseMetadata": {"HTTPHeaders": headers}, "Contents": list(objects)}


class Store:
    """A bucket, the catalog, the queues, and the table; every object is missing in the catalog."""

    bucket = "uploads"

    def __init__(self) -> None:
        self.listing: list[dict[str, Any]] = []
        self.heads: dict[str, Any] = {}
        self.asked: list[int] = []
        self.there: set[str] = set()
        self.sent: list[str] = []
        self.error: Exception | None = None
        self.since: str | None = None
        self.watch = Watch(
            self,  # type: ignore[arg-type]
            "videos/",
            catalog=SimpleNamespace(heads=self._heads, timeline=self),
            notified=self,
            table=self,
        )

    def pages(self, _: str) -> list[dict[str, Any]]:
        return self.listing

    def among(self, found: Any) -> list[tuple[dict[str, Any], None]]:
        return [(one, None) for one in found]

    def created(self, one: dict[str, Any], _: None) -> str:
        return str(one["Key"])

    def object(self, key: str) -> str | None:
        return key if key in self.there else None

    def deleted(self, head: Any) -> str:
        return str(head.upload.key)

    def send(self, found: list[str]) -> None:
        if self.error:
            raise self.error
        self.sent += found

    def get(self, *_: str) -> dict[str, str] | None:
        return {"since": self.since} if self.since else None

    def put(self, _pk: str, _sk: str, row: dict[str, str]) -> None:
        self.since = row["since"]

    def newest(self) -> list[str]:
        return [f"place#{video_id}" for video_id in self.heads]

    def _heads(self, ids: list[str]) -> dict[str, Any]:
        self.asked.append(len(ids))
        return {one: self.heads[one] for one in ids}

    def record(self, key: str, bucket: str = "uploads") -> None:
        video_id = events.video_id(bucket, key)
        upload = SimpleNamespace(video_id=video_id, bucket=bucket, key=key)
        self.heads[video_id] = SimpleNamespace(upload=upload, deleted_at=None)


@pytest.fixture
def store() -> Store:
    return Store()


def test_the_next_look_compares_what_was_written_before_this_one_began(store: Store):
    """Its clock is the store's; a long listing has later answers."""
    store.listing = [page(AT), page(AT + 60 * MINUTE)]
    store.watch.uploads()
    assert store.since == (AT - 15 * MINUTE).isoformat()


def test_only_what_was_written_since_is_compared(store: Store):
    store.since = AT.isoformat()
    objects = (listed("videos/old.mp4", AT - MINUTE), listed("videos/new.mp4"))
    store.listing = [page(AT, *objects)]
    assert store.watch.uploads() == 1
    assert store.sent == ["videos/new.mp4"]


def test_a_store_that_does_not_tell_its_time_is_taken_to_have_ours(store: Store):
    store.listing = [{"ResponseMetadata": {"HTTPHeaders": {}}}]
    store.watch.uploads()
    assert store.since
    assert datetime.fromisoformat(store.since) > datetime.now(UTC) - 16 * MINUTE


def test_what_could_not_be_sent_is_sent_by_the_next_look(store: Store):
    store.listing = [page(AT, listed("videos/a.mp4"))]
    store.error = DependencyFailed("not_sent", "A queue took none.")
    with pytest.raises(DependencyFailed):
        store.watch.uploads()
    assert store.since is None
    store.error = None
    assert store.watch.uploads() == 1
    assert store.watch.uploads() == 0


def test_a_file_that_comes_back_within_minutes_is_sent_again(store: Store):
    store.listing = [page(AT, listed("videos/a.mp4"))]
    store.watch.uploads()
    store.listing = [page(AT + MINUTE, listed("videos/a.mp4", AT + MINUTE))]
    assert store.watch.uploads() == 1
    assert store.watch.uploads() == 0


def test_what_was_sent_is_forgotten_once_no_look_compares_it(store: Store):
    store.listing = [page(AT, listed("videos/a.mp4"))]
    store.watch.uploads()
    assert store.watch._sent
    store.listing = [page(AT + 16 * MINUTE)]
    store.watch.uploads()
    assert not store.watch._sent


def test_a_video_of_another_bucket_and_one_that_came_meanwhile_are_not_deleted(store: Store):
    for key in ("videos/listed.mp4", "videos/late.mp4", "videos/gone.mp4"):
        store.record(key)
    store.record("videos/a.mp4", bucket="another")
    store.listing = [page(AT, listed("videos/listed.mp4"))]
    store.there = {"videos/late.mp4"}
    assert store.watch.deletions() == 1
    assert store.sent == ["videos/gone.mp4"]


def test_records_are_read_by_the_thousand(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    for number in range(5):
        store.record(f"videos/{number}.mp4")
    assert store.watch.deletions() == 5
    assert store.asked == [2, 2, 1]
