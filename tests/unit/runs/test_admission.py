"""The runs that a host finishes, and those that it leaves to workers for large jobs."""

from collections import namedtuple
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import (
    BadInput,
    DependencyFailed,
    Outgrown,
    OutOfMemory,
    TimedOut,
    VideodropError,
)
from pipeline.core.events import Upload, parse
from pipeline.core.media_info import Probe
from pipeline.core.planner import Intent
from pipeline.core.records import StageResult, StageRun, Video
from pipeline.core.settings import Settings
from pipeline.costs.estimator import Estimator
from pipeline.costs.run_price import Prices
from pipeline.runs.admission import Admission, outgrown_by
from tests.conftest import topology_with
from tests.fakes import aws_events, toystage
from tests.fakes.timing import MODEL, result
from tests.unit.costs.test_estimator import Recorded

UPLOAD = parse(aws_events.created(size=1000))
assert isinstance(UPLOAD, Upload)
STARTED = datetime(2026, 11, 1, tzinfo=UTC)
TIMEOUT_S, LEASE_S = 600, 60
INTENT = Intent(True, toystage.Params(), MODEL, "1", "f")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    path = topology_with({"toy": "tests.fakes.toystage"}, tmp_path / "topology.json")
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    found = Settings(lease_s=LEASE_S)
    spec = found.topology.stages["toy"].model_copy(update={"timeout_s": TIMEOUT_S})
    found.topology.stages["toy"] = spec
    return found


def admission(settings: Settings, *recorded: StageResult) -> Admission:
    def estimator() -> Estimator:
        return Estimator(Recorded(*recorded), Prices.read(), settings.topology, large=False)

    return Admission("toy", settings, estimator)


def video(media_seconds: float | None, current: StageResult | None = None) -> Video:
    probe = None
    if media_seconds is not None:
        probe = Probe(container="mov", duration_s=media_seconds, size_bytes=1000)
    done = run(state="succeeded", result=current, result_revision=UPLOAD.revision)
    stages = {"toy": done} if current else {}
    return Video(video_id=UPLOAD.video_id, upload=UPLOAD, probe=probe, stages=stages)


def run(**given: Any) -> StageRun:
    fields = {"stage": "toy", "state": "running", "started_at": STARTED}
    return StageRun(revision=UPLOAD.revision, sequencer=UPLOAD.sequencer, **fields | given)


FITS = nullcontext()


def outgrown(match: str) -> AbstractContextManager[Any]:
    return pytest.raises(Outgrown, match=match)


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds_left", "verdict"), [(199, outgrown("toy is expected to take 2 min")), (200, FITS)]
)
def test_a_run_is_taken_that_may_take_twice_what_is_expected(
    settings: Settings, seconds_left: float, verdict: Any
):
    judge = admission(settings, result(20, 10))  # two seconds for each of a video
    with verdict:
        judge.check_time(video(50), INTENT, seconds_left)


@pytest.mark.parametrize(("media_seconds", "verdict"), [(90, FITS), (110, outgrown("2 min"))])
def test_where_no_run_is_recorded_the_topologys_guess_counts(
    settings: Settings, media_seconds: float, verdict: Any
):
    assert settings.topology.stages["toy"].guess.seconds_per_media_second == 1
    with verdict:
        admission(settings).check_time(video(media_seconds), INTENT, 200)


def test_run_times_of_workers_for_large_jobs_do_not_count_here(settings: Settings):
    judge = admission(settings, result(1, 100, large=True))
    with pytest.raises(Outgrown):
        judge.check_time(video(500), INTENT, 600)


def test_a_video_of_unknown_length_is_looked_at_first(settings: Settings):
    admission(settings, result(9999, 10)).check_time(video(None), INTENT, 1)


@pytest.mark.parametrize(
    ("current", "verdict"),
    [
        ({}, FITS),
        ({"large": True}, outgrown("too large before")),
        ({"large": True, "version": "0"}, FITS),
        ({"large": True, "identity": {}}, FITS),
    ],
)
def test_a_run_that_was_too_large_is_too_large_with_the_same_code_and_models(
    settings: Settings, current: dict[str, Any], verdict: Any
):
    before = video(10, result(1, 10, **current))
    with verdict:
        admission(settings, result(1, 10)).check_time(before, INTENT, 600)


# -- room ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "verdict"), [(1099, outgrown("GB of disk")), (1101, FITS)])
def test_the_source_and_its_outputs_must_fit_on_the_disk(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, verdict: Any
):
    assert settings.topology.stages["toy"].guess.bytes_per_source_byte == 0.1
    usage = namedtuple("usage", "free")(free)  # noqa: PYI024 - as shutil's own
    monkeypatch.setattr("pipeline.runs.admission.shutil.disk_usage", lambda _: usage)
    with verdict:
        admission(settings).check_room(1000, tmp_path)


# -- the past ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard_s", "given", "verdict"),
    [
        (TIMEOUT_S - 20, {}, outgrown("deadline")),  # killed there, after its last heartbeat
        (TIMEOUT_S - 41, {}, outgrown("deadline")),  # one heartbeat had failed
        (200, {}, FITS),  # it died of something else
        (TIMEOUT_S, {"state": "pending"}, FITS),
        (TIMEOUT_S, {"started_at": None}, FITS),
    ],
)
def test_an_attempt_whose_last_heartbeat_was_near_its_deadline_was_killed_there(
    settings: Settings, heard_s: float, given: dict[str, Any], verdict: Any
):
    before = run(**{"lease_until": STARTED.timestamp() + heard_s + LEASE_S} | given)
    with verdict:
        admission(settings).check_past(before)


def test_a_first_attempt_has_no_past(settings: Settings):
    admission(settings).check_past(None)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (TimedOut("deadline", "It took too long."), "It did not end within its time limit."),
        (DependencyFailed("disk_full", "The disk is full."), "It filled the disk."),
        (Outgrown("sent_on", "It is too long."), "It is too long."),
    ],
)
def test_a_run_that_failed_by_time_or_disk_is_sent_on(error: VideodropError, why: str):
    found = outgrown_by(error)
    assert found is not None
    assert found.message.startswith(why)


@pytest.mark.parametrize(
    "error",
    [
        DependencyFailed("aws_error", "S3 was unavailable."),
        OutOfMemory("out_of_memory", "Workers for large jobs have no more."),
        BadInput("not_media", "A text."),
        TimedOut("media_time", "It keeps every probe busy."),
    ],
)
def test_a_run_that_failed_for_another_reason_is_not_sent_on(error: VideodropError):
    assert outgrown_by(error) is None
