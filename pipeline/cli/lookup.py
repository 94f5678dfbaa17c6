"""Look-up of the pipeline to use, of its videos and of their artifacts."""

import os
import re
from collections.abc import Mapping
from itertools import islice

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog
from pipeline.cli import console
from pipeline.core import sidecar, upload_key
from pipeline.core.errors import InvalidArgument, NotFound
from pipeline.core.events import Upload
from pipeline.core.records import PublishedArtifact, StageResult, Video
from pipeline.core.settings import Settings
from pipeline.hosts import stack_file as client
from pipeline.results import artifact_view

_VIDEO_ID = re.compile(r"[0-9a-f]{20}")
_BEGINNING = re.compile(r"[0-9a-f]{4,19}")
_SHOWN = 10  # videos in a message
_WALKED = 10_000  # the newest videos, among which parts of names are looked for


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
    stack = client.StackFile.running(settings.home)
    return stack is not None and stack.endpoint == os.environ.get("AWS_ENDPOINT_URL")


def find(reference: str, settings: Settings, catalog: Catalog) -> Video:
    """Return the video with this id, file name or key, or with a part of one of them.

    A complete id, name or key comes first, then the beginning of an id, then a part of a name.

    Raises:
        NotFound: ``unknown_video``.
        InvalidArgument: ``ambiguous_name``: several videos match; the message lists them.
    """
    if _VIDEO_ID.fullmatch(reference) and (video := catalog.video(reference)):
        return video
    found = named(reference, catalog)
    if len(found) > 1:
        raise _ambiguous(reference, {video.video_id: video.upload for video in found})
    by_key = catalog.video(bootstrap.uploads(settings).video_id(reference))
    if video := next(iter(found), by_key):
        return video
    alike = _alike(reference, catalog)
    if len(alike) > 1:
        raise _ambiguous(reference, alike)
    for video_id in alike:
        if video := catalog.video(video_id):
            return video
    raise NotFound("unknown_video", f"There is no video {reference}. `videodrop ls` lists all.")


def _alike(reference: str, catalog: Catalog) -> dict[str, Upload]:
    """Return the videos whose id begins so, or else those whose name has this part, by id."""
    places = islice(catalog.timeline.newest(), _WALKED)
    ids = list(dict.fromkeys(place.rpartition("#")[2] for place in places))
    if _BEGINNING.fullmatch(reference) and (
        begun := [video_id for video_id in ids if video_id.startswith(reference)]
    ):
        return catalog.uploads(begun)
    part = reference.casefold()
    uploads = catalog.uploads(ids) if part else {}
    return {
        vid: upload
        for vid in ids
        if (upload := uploads.get(vid)) and part in upload.name.casefold()
    }


def _ambiguous(reference: str, found: Mapping[str, Upload]) -> InvalidArgument:
    width = max(len(upload.name) for upload in found.values())
    lines = [
        f"  {video_id}  {upload.name:{width}}  {console.local(upload.time)}"
        for video_id, upload in islice(found.items(), _SHOWN)
    ]
    more = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return InvalidArgument(
        "ambiguous_name",
        "\n".join([f"{len(found)} videos match {reference}. Give the id of one:", *lines, *more]),
    )


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
