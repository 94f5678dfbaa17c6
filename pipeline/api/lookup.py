"""Look-up of a video, or of one of its artifacts; errors say why it is missing."""

import re
from typing import Annotated

from fastapi import Depends, Path

from pipeline.api.context import Parts
from pipeline.api.problems import RETRY_AFTER, Problem
from pipeline.core.errors import Gone, NotFound
from pipeline.core.records import PublishedArtifact, StageResult, Video
from pipeline.core.status import TERMINAL
from pipeline.results import artifact_view
from pipeline.results import video_view as views

_VIDEO_ID = re.compile(r"[0-9a-f]{20}")


def _video_id(
    video_id: Annotated[
        str,
        Path(
            description="The video's id: 20 hexadecimal digits", examples=["5c1e6f0a9b3d27481f60"]
        ),
    ],
) -> str:
    if not _VIDEO_ID.fullmatch(video_id):
        raise _unknown(video_id)
    return video_id


VideoId = Annotated[str, Depends(_video_id)]
"""The id of the path; 404 if no video can have it."""


def _video(video_id: VideoId, parts: Parts) -> Video:
    video = parts.catalog.video(video_id)
    if video is None:
        raise _unknown(video_id)
    if video.deleted_at:
        raise Gone("video_deleted", f"{video.upload.name} was deleted.")
    return video


def _unknown(video_id: str) -> NotFound:
    return NotFound("unknown_video", f"There is no video {video_id}. /videos lists all.")


FoundVideo = Annotated[Video, Depends(_video)]
"""The video of the path; 404 if there is none, 410 if it was deleted."""


def artifact(video: Video, role: str, what: str) -> tuple[StageResult, PublishedArtifact]:
    """Return the file with this role, and the result that it belongs to.

    Args:
        video: the video.
        role: the artifact's role.
        what: its name for a person, e.g. "a transcript".

    Raises:
        Problem: 409 while a stage that may make it is not done, else 404.
    """
    for found in artifact_view.of_video(video, role=role):
        return found
    states = views.states(video)
    members = {"stages": [state.model_dump(mode="json") for state in states]}
    states_text = ", ".join(map(_state_text, states))
    name = video.upload.name
    if any(state.state not in TERMINAL for state in states):
        detail = f"{name} does not have {what} yet: {states_text}."
        raise Problem(409, "not_ready", detail, headers=RETRY_AFTER, members=members)
    raise Problem(404, "not_made", f"{name} does not have {what}: {states_text}.", members=members)


def _state_text(stage: views.StageProgress) -> str:
    """Describe the state of a stage, e.g. "transcribe is running (40 %)"."""
    match stage.state:
        case "running":
            return f"{stage.stage} is running ({stage.progress:.0f} %)"
        case "pending":
            return f"{stage.stage} is waiting for a worker"
        case "failed" if stage.error:
            return f"{stage.stage} failed ({stage.error.message.rstrip('.')})"
        case "skipped":
            return f"{stage.stage} was left out"
        case state:
            return f"{stage.stage} {state}"
