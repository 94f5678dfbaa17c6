"""Routes: HLS playlists whose every URL works for a player without credentials.

Playlists are published with relative URLs, which a private bucket does not serve. Here the URL of
another playlist stays relative, since this route mirrors their folders, and gets the signature of
the request. Files of segments and initialization sections become presigned URLs (RFC 8216, section
4), each the same wherever it is named: segments are byte ranges of a few files. Each has its whole
signature, because a relative URL does not inherit the query of its playlist (RFC 3986, section
5.2.2).
"""

import posixpath
import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Depends, Path, Query, Response

from pipeline.api import caching, caption_tracks
from pipeline.api.context import Parts
from pipeline.api.lookup import FoundVideo, artifact
from pipeline.api.problems import Problem, described
from pipeline.results import artifact_view

router = APIRouter(prefix="/playlists/{video_id}", tags=["playback"])

MEDIA_TYPE = "application/vnd.apple.mpegurl"
_URI_ATTRIBUTE = re.compile(r'(?<=[:,]URI=")[^"]*(?=")')


def signed(
    video_id: str,
    parts: Parts,
    # Plain text: if its type were checked, the video would be looked up before the signature.
    expires: Annotated[str, Query(description="Epoch seconds")] = "",
    signature: Annotated[str, Query()] = "",
) -> str:
    """Require a valid signature; no other authorization protects this route.

    Returns:
        The query string with the signature, for further URLs.

    Raises:
        Problem: 403, whether or not the video exists.
    """
    if not parts.playback.allows(video_id, expires, signature):
        raise Problem(
            403,
            "not_signed",
            "This address is not signed, or has expired. Take `links.playlist` of the video.",
        )
    return f"expires={expires}&signature={signature}"


@router.get(
    "/{name:path}.m3u8",
    summary="Get an HLS playlist that plays without a token",
    description="Take the address from `links.playlist` of the video: it is signed, so players "
    "need no token, and lasts as long as the video and an hour more. All addresses within are "
    "signed, too.",
    response_class=Response,
    responses=described(403, 404, 409, 410, 422, 503)
    # Its media type is left out: generators of clients know text and JSON only.
    | {200: {"description": f"The playlist, as `{MEDIA_TYPE}`"}},
)
def get_playlist(
    signature: Annotated[str, Depends(signed)],
    video: FoundVideo,
    name: Annotated[str, Path(description="Its path without `.m3u8`", examples=["hls/master"])],
    parts: Parts,
) -> Response:
    """Return the playlist of this name with its URLs rewritten."""
    result, master = artifact(video, "hls_master", "a playlist")
    ours = {
        one.name
        for owner, one in artifact_view.of_video(video)
        if owner == result and one.name.endswith(".m3u8")
    }
    asked = f"{name}.m3u8"
    # Only names that the result lists are looked up, which rules out path traversal.
    if asked not in ours:
        raise Problem(404, "unknown_playlist", f"{video.upload.name} has no playlist {asked}.")

    sign = parts.artifacts.urls(result.prefix, lasts_s=parts.lasts_s(video))
    here = f"/playlists/{video.video_id}/{asked}"

    def address(uri: str) -> str:
        target = within(posixpath.dirname(asked), uri)
        return f"{uri}?{signature}" if target in ours else relative(sign(target), here)

    text = rewrite(parts.artifacts.read(result.prefix + asked).decode(), address)
    if asked == master.name:
        up = "../" * asked.count("/")
        tracks = caption_tracks.of(video, parts.catalog.sidecars.of(video.upload))
        text = caption_tracks.listed(
            text, tracks, lambda path: f"{up}{caption_tracks.FOLDER}/{path}?{signature}"
        )
    return Response(
        text,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": caching.REVALIDATE},
    )


def rewrite(text: str, address: Callable[[str], str]) -> str:
    """Apply ``address`` to every URI of a playlist, in lines and in ``URI`` attributes."""
    lines = []
    for line in text.splitlines():
        if line.startswith("#EXT"):
            lines.append(_URI_ATTRIBUTE.sub(lambda found: address(found.group()), line))
        elif line.strip() and not line.startswith("#"):
            lines.append(address(line.strip()))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def relative(address: str, here: str) -> str:
    """Return an address within a file at the path ``here``, for any prefix of a proxy.

    A path of ours goes up to the root first. A URL of S3 or CloudFront stays as it is.
    """
    return "../" * (here.count("/") - 1) + address[1:] if address.startswith("/") else address


def within(folder: str, uri: str) -> str:
    """Resolve ``uri``, relative to ``folder``, to an artifact.

    Raises:
        Problem: it is outside the result; our own stage writes only URIs inside.
    """
    parsed = urlsplit(uri)
    target = posixpath.normpath(posixpath.join(folder, unquote(parsed.path)))
    if parsed.scheme or parsed.netloc or target.startswith(("/", "..")):
        raise Problem(502, "foreign_address", "The playlist names a file that is not its own.")
    return target
