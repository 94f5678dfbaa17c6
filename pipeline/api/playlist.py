"""Routes: HLS playlists whose every address works for a player without credentials.

Playlists are published with relative addresses, which a private bucket does not answer. Here a
playlist that names other playlists keeps its relative addresses, since this route mirrors their
folders, and segments and initialization sections become presigned URLs (RFC 8216, section 4).
"""

import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Response

from pipeline import views
from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.problems import Problem, described

router = APIRouter(prefix="/videos/{video_id}", tags=["playback"])

MEDIA_TYPE = "application/vnd.apple.mpegurl"
_URI_ATTRIBUTE = re.compile(r'(?<=[:,]URI=")[^"]*(?=")')


@router.get(
    "/playlist/{name:path}.m3u8",
    summary="An HLS playlist that can be played as it is",
    description="Take the address from `links.playlist` of the video. All addresses within are "
    "relative to this API or presigned.",
    response_class=Response,
    responses=described(404, 409, 410, 422, 503)
    | {200: {"description": "The playlist", "content": {MEDIA_TYPE: {"example": "#EXTM3U\n"}}}},
)
def playlist(video: FoundVideo, name: str, parts: Parts) -> Response:
    """The playlist of this name, its addresses rewritten."""
    result, _ = artifact(video, "hls_master", "a playlist")
    ours = {
        one.name
        for owner, one in views.artifacts(video)
        if owner == result and one.name.endswith(".m3u8")
    }
    asked = f"{name}.m3u8"
    # Only a name that the result lists is ever looked up, so no path can lead anywhere else.
    if asked not in ours:
        raise Problem(404, "unknown_playlist", f"{video.upload.name} has no playlist {asked}.")

    def address(uri: str) -> str:
        target = within(posixpath.dirname(asked), uri)
        return uri if target in ours else parts.artifacts.url(result.prefix + target)

    text = parts.artifacts.read(result.prefix + asked).decode()
    return Response(
        rewrite(text, address),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": caching.REVALIDATE},
    )


def rewrite(text: str, address: Callable[[str], str]) -> str:
    """A playlist with ``address`` applied to every URI, in lines and in ``URI`` attributes."""
    lines = []
    for line in text.splitlines():
        if line.startswith("#EXT"):
            lines.append(_URI_ATTRIBUTE.sub(lambda found: address(found.group()), line))
        elif line.strip() and not line.startswith("#"):
            lines.append(address(line.strip()))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def within(folder: str, uri: str) -> str:
    """The artifact that ``uri`` names, seen from ``folder``.

    Raises:
        Problem: it leads out of the result; our own stage writes none such.
    """
    parsed = urlsplit(uri)
    target = posixpath.normpath(posixpath.join(folder, unquote(parsed.path)))
    if parsed.scheme or parsed.netloc or target.startswith(("/", "..")):
        raise Problem(502, "foreign_address", "The playlist names a file that is not its own.")
    return target
