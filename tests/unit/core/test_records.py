from datetime import UTC, datetime

import pytest

from pipeline.core.errors import BadInput, DependencyFailed
from pipeline.core.events import Upload, parse
from pipeline.core.records import Cost, Failure, PublishedArtifact, StageResult, StageRun, Video
from pipeline.core.stage import Notice
from pipeline.core.status import TERMINAL
from tests.fakes import aws_events

UPLOAD = parse(aws_events.created())
assert isinstance(UPLOAD, Upload)
REVISION = UPLOAD.revision


def result(*, warnings: bool = False, role: str = "toy_text") -> StageResult:
    return StageResult(
        stage="s",
        version="1",
        fingerprint="f",
        content_id="content",
        revision=REVISION,
        attempt=1,
        prefix="artifacts/",
        params={},
        identity={},
        artifacts=[
            PublishedArtifact(name="a", media_type="text/plain", role=role, bytes=1, sha256="0")
        ],
        summary={},
        warnings=[Notice(code="no_speech", message="Nobody speaks.")] if warnings else [],
        labels=[],
        cost=Cost(seconds=1, media_seconds=10, cpu_seconds=1, bytes_in=1, bytes_out=1),
        queued_at=None,
        started_at=datetime(2024, 1, 1, tzinfo=UTC),
        finished_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


def run(state: str, kept: StageResult | None = None, revision: str = REVISION) -> StageRun:
    return StageRun(
        stage="s",
        state=state,
        revision=REVISION,
        sequencer="0",
        result=kept,
        result_revision=revision if kept else None,
    )


def test_a_run_of_an_earlier_version_is_read():
    """Version 0.1.0 recorded whether a worker for large jobs had a run, and made its result."""
    done = run("succeeded", result())
    stored = done.model_dump(mode="json") | {"large": True}
    stored["result"]["large"] = True
    assert StageRun.model_validate(stored) == done


def video(*runs: StageRun, deleted: bool = False) -> Video:
    return Video(
        video_id=UPLOAD.video_id,
        upload=UPLOAD,
        deleted_at=datetime(2024, 1, 2, tzinfo=UTC) if deleted else None,
        stages={str(number): run for number, run in enumerate(runs)},
    )


GOOD, WARNED, SKIPPED, FAILED = (
    run("succeeded", result()),
    run("succeeded", result(warnings=True)),
    run("skipped"),
    run("failed"),
)
OLD = run("failed", result(), revision="an earlier upload")


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        ((run("pending"), GOOD), "processing"),
        ((run("running"), FAILED), "processing"),
        ((run("pending", result()), GOOD), "processing"),
        ((run("superseded"), GOOD), "processing"),
        ((GOOD, GOOD), "ready"),
        ((GOOD, SKIPPED), "ready"),
        ((SKIPPED, SKIPPED), "ready"),
        ((WARNED, GOOD), "ready_with_warnings"),
        ((GOOD, FAILED), "partial"),
        ((WARNED, FAILED), "partial"),
        ((run("failed", result()), SKIPPED), "ready"),
        ((run("failed", result(warnings=True)), GOOD), "ready_with_warnings"),
        ((run("failed", result()), FAILED), "partial"),
        ((FAILED, FAILED), "failed"),
        ((FAILED, SKIPPED), "failed"),
        ((OLD, FAILED), "failed"),
    ],
)
def test_the_status_follows_from_the_stages(runs: tuple[StageRun, ...], status: str):
    assert video(*runs).status == status
    assert video(*reversed(runs)).status == status
    assert video(*runs, deleted=True).status == "deleted"


def test_states_with_work_left_are_not_terminal():
    assert {"succeeded", "skipped", "failed", "superseded"} == TERMINAL


@pytest.mark.parametrize(
    ("played", "run_"),
    [
        (True, run("succeeded", result(role="hls_master"))),
        (True, run("running", result(role="mp4"))),
        (False, run("succeeded", result(role="poster"))),
        (False, run("succeeded", result(role="mp4"), revision="an earlier upload")),
        (False, run("running")),
    ],
)
def test_a_video_is_playable_once_this_upload_has_a_playlist_or_a_file(
    run_: StageRun, *, played: bool
):
    assert video(run("failed"), run_).playable is played


def test_a_result_is_current_only_for_the_upload_it_was_made_from():
    assert run("succeeded", result()).current_result == result()
    assert OLD.current_result is None
    assert run("pending").current_result is None


@pytest.mark.parametrize(("kind", "retryable"), [(BadInput, False), (DependencyFailed, True)])
def test_a_failure_keeps_all_facts_of_the_error(kind: type, *, retryable: bool):
    failure = Failure.of(kind("a_code", "A sentence."))
    assert failure.model_dump() == {
        "failure_class": kind.failure_class,
        "code": "a_code",
        "message": "A sentence.",
        "retryable": retryable,
    }


def test_a_long_failure_message_is_truncated():
    """A DynamoDB item is limited to 400 KB, and a failure must always be recorded."""
    assert Failure.of(BadInput("a_code", "ab" * 500_000)).message == "ab" * 2000


def test_infos_leave_the_status_as_it_is():
    known = result()
    info = Notice(code="demo_model", message="Demonstration model.", level="info")
    kept = known.model_copy(update={"warnings": [info]})
    assert video(run("succeeded", kept)).status == "ready"


def test_a_notice_stored_without_a_level_is_a_warning():
    assert Notice.model_validate({"code": "odd", "message": "Odd."}).level == "warning"
