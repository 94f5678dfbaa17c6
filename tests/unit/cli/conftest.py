from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import typer

from pipeline.cli import commands
from pipeline.core.events import Upload
from pipeline.core.records import Failure, StageRun, Video


@cache
def command() -> Any:
    return typer.main.get_command(commands.app)


@pytest.fixture(autouse=True)
def _command_line_is_built_once(monkeypatch):
    """Build the command line once a process: Typer does so at each call, which takes longest."""
    monkeypatch.setattr(commands, "app", command())


@pytest.fixture
def make_video():
    """Make a video: ``make_video(name, toy="running", progress=40)``."""

    def make(name="a.mp4", *, sequencer="1", progress=0.0, message="", **stages):
        upload = Upload(
            event_id="event",
            time=datetime(2026, 1, 1, tzinfo=UTC),
            bucket="uploads",
            key=f"videos/{name}",
            sequencer=sequencer,
            size=5,
            etag="e",
        )
        error = Failure(failure_class="bad_input", code="bad", message=message, retryable=False)
        runs = {
            stage: StageRun(
                stage=stage,
                state=state,
                revision=upload.revision,
                sequencer=sequencer,
                progress=progress,
                error=error if message else None,
            )
            for stage, state in stages.items()
        }
        return Video(video_id=upload.video_id, upload=upload, stages=runs)

    return make
