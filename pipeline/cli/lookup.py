"""Look-up of the pipeline to use, of its videos and of their artifacts."""

import os

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import NotFound
from pipeline.core.records import PublishedArtifact, StageResult, Video
from pipeline.core.settings import Settings
from pipeline.hosts import stack_file as client
from pipeline.results import artifact_view


def connect() -> tuple[Settings, Catalog]:
    """Connect to the pipeline; return this process's settings and the catalog.

    Raises:
        NotRunning: there is no pipeline.
    """
    settings = bootstrap.settings()
    stack = client.connect(settings.home)
    if stack:
        bootstrap.settings.cache_clear()
        settings = bootstrap.settings()
    return settings, bootstrap.catalog(settings)


def is_embedded(settings: Settings) -> bool:
    """Return True if the pipeline is this machine's embedded stack."""
    stack = client.StackFile.read(settings.home)
    return stack is not None and stack.endpoint == os.environ.get("AWS_ENDPOINT_URL")


def find(reference: str, settings: Settings, catalog: Catalog) -> Video:
    """Return the video with this id, key or file name.

    Raises:
        NotFound: ``unknown_video``.
    """
    video = catalog.video(bootstrap.uploads(settings).video_id(reference))
    if video is None:
        raise NotFound("unknown_video", f"There is no video {reference}. `videodrop ls` lists all.")
    return video


def artifact(video: Video, role: str, what: str) -> tuple[StageResult, PublishedArtifact]:
    """Return the artifact with a role, of any stage.

    Args:
        video: the video.
        role: the artifact's role.
        what: its name for a person, e.g. "a transcript".

    Raises:
        NotFound: ``no_result``.
    """
    for found in artifact_view.of_video(video, role=role):
        return found
    yet = " yet" if video.status == "processing" else ""
    raise NotFound(
        "no_result",
        f"{video.upload.name} does not have {what}{yet}: it is {video.status}. "
        "`videodrop show` shows the state of each stage.",
    )
