"""Route: one video."""

from functools import partial
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo
from pipeline.api.problems import described
from pipeline.core.records import Video
from pipeline.results import artifact_view
from pipeline.results import video_view as views

router = APIRouter(prefix="/videos/{video_id}", tags=["videos"])

# Further content of a video: by link, the artifact role that has to exist, and the route.
_LINKS = {
    "transcript": ("transcript_json", "transcript"),
    "captions": ("captions_vtt", "transcript.vtt"),
    "subtitles": ("subtitles_vtt", "subtitles"),
    "chapters": ("chapters_json", "chapters"),
    "storyboard": ("storyboard_vtt", "storyboard.vtt"),
    "detections": ("detections_json", "detections"),
    "tracks": ("tracks_json", "detections/tracks"),
}


@router.get(
    "",
    summary="Get one video in full",
    description="Status, each stage with progress, cost, warnings and errors, and presigned URLs "
    "of all artifacts. Stages added later are listed in the same way.",
    response_model=views.VideoView,
    responses=described(404, 410, 422, 503),
)
def get_video(video: FoundVideo, parts: Parts, request: Request, response: Response) -> object:
    """Return one video, or 304 if the client has it already."""
    found = links(video)
    age = caching.signed_since(parts.settings.presign_s)
    # Only of what is shown, so that changes of leases and attempts keep the tag.
    beside = parts.catalog.sidecars.of(video.upload)
    at_work = parts.catalog.at_work(video)
    days = parts.settings.old_uploads_days
    shown = views.detail(video, views.unsigned, found, beside, at_work, kept_days=days)
    if answer := caching.revalidate(request, response, shown, age):
        return answer
    lasts_s = parts.lasts_s(video)
    if "playlist" in found:
        found["playlist"] += f"?{parts.playback.query(video.video_id, lasts_s=lasts_s)}"
    sign = partial(parts.artifacts.url, lasts_s=lasts_s)
    original = parts.originals.url(video.upload.key, download_as=video.upload.name)
    return views.detail(
        *(video, sign, found, beside, at_work), original_url=original, kept_days=days
    )


def links(video: Video) -> dict[str, str]:
    """Return paths of further content of ``video``, below the API's; the playlist's is unsigned."""
    base = f"/videos/{video.video_id}"
    found = {"self": base}
    for name, (role, path) in _LINKS.items():
        for _, artifact in artifact_view.of_video(video, role=role)[:1]:
            found[name] = f"{base}/{path.format(name=quote(artifact.name))}"
    for _, master in artifact_view.of_video(video, role="hls_master")[:1]:
        found["playlist"] = f"/playlists/{video.video_id}/{quote(master.name)}"
    if any(run.current_result for run in video.stages.values()):
        found["versions"] = f"{base}/versions"
    return found
