from datetime import UTC, datetime

import pytest

from pipeline.core.events import Upload
from pipeline.core.records import Failure, StageRun, Video


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
