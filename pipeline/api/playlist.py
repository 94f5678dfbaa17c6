"""Routes: HLS playlists whose every address works for a player without credentials.

Playlists are published with relative addresses, which a private bucket does not answer. Here the
address of another playlist stays relative, since this route mirrors their folders, and is signed as
the one that was asked for; segments and initialization sections become presigned URLs (RFC 8216,
section 4).
"""

import posixpath
import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Depends, Query, Response

from pipeline.api import caching
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.problems import Problem, described
from pipeline.results import video_view as views

router = APIRouter(prefix="/playlists/{video_id}", tags=["playback"])

MEDIA_TYPE = "application/vnd.apple.mpegurl"
_URI_ATTRIBUTE = re.compile(r'(?<=[:,]URI=")[^"]*(?=")')


def signed(
    video_id: str,
    parts: Parts,
    # Any text: were it refused by its type, the video would be looked up before this is asked.
    expires: Annotated[str, Query(description="Epoch seconds")] = "",
    signature: Annotated[str, Query()] = "",
) -> str:
    """Let those pass who were given this address: the only guard there is before it.

    Returns:
        What signs it, to be passed on.

    Raises:
        Problem: 403, whether or not there is such a video.
    """
    if not parts.playback.allows(video_id, expires, signature):
        raise Problem(
            403,
            "not_signed",
            "This address was never signed, or has ended. Take `links.playlist` of the video.",
        )
    return f"expires={expires}&signature={signature}"


@router.get(
    "/{name:path}.m3u8",
    summary="An HLS playlist that can be played as it is",
    description="Take the address from `links.playlist` of the video: it is signed, so players "
    "need no token, and lasts about an hour. All addresses within are signed, too.",
    response_class=Response,
    responses=described(403, 404, 409, 410, 422, 503)
    | {200: {"description": "The playlist", "content": {MEDIA_TYPE: {"example": "#EXTM3U\n"}}}},
)
def playlist(
    signature: Annotated[str, Depends(signed)], video: FoundVideo, name: str, parts: Parts
) -> Response:
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
        return (
            f"{uri}?{signature}" if target in ours else parts.artifacts.url(result.prefix + target)
        )

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
