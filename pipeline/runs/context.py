"""The context of a stage run: the fields of its log lines and metrics."""

from contextlib import AbstractContextManager

from pipeline.core import events
from pipeline.core.events import Event
from pipeline.core.range_request import RangeRequest
from pipeline.telemetry.context import about


def about_run(
    stage: str, video_id: str, asked_by: Event | str | None
) -> AbstractContextManager[None]:
    """Set the context of the block to one stage of a video.

    Args:
        stage: the stage.
        video_id: the video.
        asked_by: the event that requested the run, or the id of that event.
    """
    event_id = asked_by if isinstance(asked_by, str | None) else asked_by.event_id
    return about(
        range=asked_by.range if isinstance(asked_by, RangeRequest) else None,
        stage=stage,
        lane=events.lane(asked_by),
        correlation_id=event_id,
        replay_id=events.replay_id(event_id),
        video_id=video_id,
    )
