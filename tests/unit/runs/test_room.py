"""The room on the disk that a run or a range needs before it begins."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.core.errors import DependencyFailed, LimitExceeded, VideodropError
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings
from pipeline.runs import room
from tests.fakes import aws_events
from tests.fakes.film import Film
from tests.fakes.rig import upload_of

GB = 10**9
UPLOAD = upload_of(aws_events.created(size=3 * GB))
LONG = Probe(container="mpegts", duration_s=3 * 3600, size_bytes=3 * GB)
SETTINGS = Settings()
FULL = (
    r"transcode may need 6\.00 GB of disk, and 5\.90 GB are free\. Free some space, or "
    r"set VIDEODROP_SCRATCH to a larger disk\."
)
SMALL = r"transcode may need 6\.00 GB of disk, and this host has 5\.90 GB in all\."


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the disk's size, and what is free of it."""

    def put(free: float, total: float = 500 * GB) -> None:
        usage = SimpleNamespace(total=total, free=free)
        monkeypatch.setattr("pipeline.runs.room.shutil.disk_usage", lambda _: usage)

    return put


def check(probe: Probe = LONG, **given: Any) -> None:
    """Check for transcode, which is expected to write twice the bytes of its source."""
    room.check_files("transcode", SETTINGS, UPLOAD, probe, Path(), **given)


@pytest.mark.parametrize(
    ("total", "error", "says"),
    [(500 * GB, DependencyFailed, FULL), (5.9 * GB, LimitExceeded, SMALL)],
)
def test_a_full_disk_may_be_free_later_and_a_small_one_never(
    disk: Any, total: float, error: type[VideodropError], says: str
):
    disk(5.9 * GB, total)
    with pytest.raises(error, match=says):
        check()
    disk(6 * GB)
    check()


def test_a_range_needs_the_room_of_its_own_files(disk: Any):
    disk(GB / 10, total=10 * GB)
    check(ranges=60)
    with pytest.raises(DependencyFailed, match=r"0\.12 GB of disk, and 0\.10 GB are free"):
        check(ranges=50)


def test_a_camera_original_is_not_expected_to_make_files_of_its_size(disk: Any):
    disk(GB, total=10 * GB)
    check(LONG.model_copy(update={"duration_s": 30}))


def test_a_copy_needs_the_room_of_its_source(disk: Any, tmp_path: Path):
    disk(2.9 * GB)
    with pytest.raises(DependencyFailed, match=r"copy of \S+ needs 3\.00 GB .* 2\.90 GB are free"):
        room.check_copy(UPLOAD, tmp_path)
    disk(3 * GB)
    room.check_copy(UPLOAD, tmp_path)


def test_a_range_without_room_is_tried_again_and_then_fails_the_run(film: Film, disk: Any):
    film.upload()
    film.deliver(film.queue.messages[0])
    disk(0)
    film.work()
    error = film.state().error
    assert error is not None
    assert (error.failure_class, error.code) == ("dependency", "disk_full")
    assert "between 0:00:00 and 0:01:00 of the video" in error.message
    assert film.stage.done.total() == 0
