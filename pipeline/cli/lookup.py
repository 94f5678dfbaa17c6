"""Look-up of the pipeline to use, of its videos and of their artifacts."""

import os
import re

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog
from pipeline.core import sidecar, upload_key
from pipeline.core.errors import InvalidArgument, NotFound
from pipeline.core.records import PublishedArtifact, StageResult, Video
from pipeline.core.settings import Settings
from pipeline.hosts import stack_file as client
from pipeline.results import artifact_view

_VIDEO_ID = re.compile(r"[0-9a-f]{20}")
_SHOWN = 5  # ids in a message


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
    """Return the video with this id, key or file name, with or without its extension.

    Raises:
        NotFound: ``unknown_video``.
        InvalidArgument: ``ambiguous_name``.
    """
    if _VIDEO_ID.fullmatch(reference) and (video := catalog.video(reference)):
        return video
    found = named(reference, catalog)
    if len(found) > 1:
        ids = ", ".join(video.video_id for video in found[:_SHOWN])
        raise InvalidArgument(
            "ambiguous_name",
            f"{len(found)} videos have the name {reference}: {ids}. Give the id of one; "
            "`videodrop ls` shows when each was uploaded.",
        )
    by_key = catalog.video(bootstrap.uploads(settings).video_id(reference))
    if video := next(iter(found), by_key):
        return video
    raise NotFound("unknown_video", f"There is no video {reference}. `videodrop ls` lists all.")


def named(name: str, catalog: Catalog) -> list[Video]:
    """Return the videos with this file name, or else with this name before the extension."""
    stem = upload_key.stem(name)
    ids = [vid for one in dict.fromkeys([stem, name]) for vid in catalog.names.of(one)]
    videos = [video for video in catalog.videos(list(dict.fromkeys(ids))) if not video.deleted_at]
    exact = [video for video in videos if sidecar.same(video.upload.name) == sidecar.same(name)]
    return exact or [video for video in videos if upload_key.stem(video.upload.name) == name]


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
