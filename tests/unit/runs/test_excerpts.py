"""Sources that are read in parts: what ranges know of them, and what is copied after all."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.parts import WithoutRanges
from pipeline.core.errors import DependencyFailed
from pipeline.core.events import Upload
from pipeline.core.location import Address
from pipeline.media.excerpt import Excerpt, Known
from pipeline.runs import excerpts, sources
from pipeline.runs.sources import Opened
from tests.fakes.film import Film

CONTENT = bytes(range(256)) * 1000
UPLOAD = cast("Upload", SimpleNamespace(name="a.mp4", size=len(CONTENT)))


class Far:
    """A bucket with one source, and what was read of it."""

    def __init__(self, *, ranges: bool = True) -> None:
        self.asked: list[tuple[int, int]] = []
        self.copies = 0
        self.ranges = ranges

    def reader(self, _upload: Upload) -> Callable[[int, int], bytes]:
        def read(start: int, end: int) -> bytes:
            if not self.ranges:
                raise WithoutRanges("no_ranges", "It sends the whole.")
            self.asked.append((start, end))
            return CONTENT[start:end]

        return read

    def fetch(self, _upload: Upload, path: Path, _report: Any) -> None:
        path.write_bytes(CONTENT)
        self.copies += 1


def opened(far: Far, folder: Path, **options: Any) -> Any:
    return sources.opened(cast("Artifacts", far), UPLOAD, folder, cast("Any", print), **options)


def start(found: Opened) -> bytes:
    assert isinstance(found.location, Address)
    return found.location.read(0, 100)


def test_a_small_source_that_is_not_spread_is_copied_after_its_plan(tmp_path: Path):
    far = Far()
    with opened(far, tmp_path, whole=False) as found:
        assert start(found) == CONTENT[:100]
        assert far.copies == 0
        assert cast("Path", found.whole()).read_bytes() == CONTENT
        assert found.whole() == tmp_path / "source"
    assert far.copies == 1
    assert found.bytes_read() == (64 << 10) + len(CONTENT)


def test_a_large_source_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "LARGEST_COPY", 1000)
    far = Far()
    with opened(far, tmp_path) as found:
        assert found.whole() is found.location
    assert far.copies == 0


def test_the_first_block_shows_whether_s3_sends_parts(tmp_path: Path):
    far = Far()
    with opened(far, tmp_path, whole=False) as found:
        start(found)
    assert far.asked == [(0, 64 << 10)]
    far = Far(ranges=False)
    with opened(far, tmp_path, whole=False) as found:
        assert found.location == tmp_path / "source"
    assert found.bytes_read() == len(CONTENT)


def test_what_an_excerpt_has_is_not_read(tmp_path: Path):
    far, packed = Far(), Excerpt(known=(Known.of(0, b"known" * 20),)).packed()
    with opened(far, tmp_path, whole=False, in_parts=True, excerpt=packed) as found:
        assert start(found) == b"known" * 20
    assert far.asked == []
    assert found.bytes_read() == len(packed)


def test_a_merge_that_reads_nothing_fetches_nothing(tmp_path: Path):
    far = Far()
    with opened(far, tmp_path, whole=False, in_parts=True) as found:
        pass
    assert (far.asked, found.bytes_read()) == ([], 0)


@pytest.fixture
def given(film: Film, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """The name and the excerpt of each range that was begun, of a film with an index."""
    monkeypatch.setattr(sources, "LARGEST_PLANNED_COPY", 0)

    def excerpt_of(_location: Any, _probe: Any, spans: list[Any]) -> list[Excerpt]:
        return [Excerpt(known=(Known.of(0, b"%d" % number),)) for number, _ in enumerate(spans)]

    monkeypatch.setattr("pipeline.media.excerpt.of", excerpt_of)
    found: list[tuple[str, bytes]] = []
    read = excerpts.read

    def noted(files: Any, places: Any, name: str) -> bytes:
        packed = read(files, places, name)
        known = Excerpt.of_packed(packed).known if packed else ()
        found.append((name, known[0].content if known else b""))
        return packed

    monkeypatch.setattr(excerpts, "read", noted)
    film.upload()
    return found


def test_each_range_gets_its_own_excerpt_and_none_is_left(
    film: Film, given: list[tuple[str, bytes]]
):
    film.deliver(film.queue.messages[0])
    assert film.stored() == ["parts/excerpts", "parts/plan.json"]
    film.work()
    film.check()
    assert [content for _, content in given] == [b"0", b"1", b"2", b"3", b"4", b"5"]


def test_another_try_of_a_range_has_the_whole_index(film: Film, given: list[tuple[str, bytes]]):
    left = ["word-0001"]

    def fail_once(name: str) -> None:
        if name in left:
            left.remove(name)
            raise DependencyFailed("index_left_out", "It needs more.")

    film.stage.during = fail_once
    film.work()
    film.check()
    tries = [content for name, content in given if name == "word-0001"]
    assert tries == [b"1", b""]
