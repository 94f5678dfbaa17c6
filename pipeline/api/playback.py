"""Signed URLs of playlists, which need no token and expire.

A media element sends no ``Authorization`` header, and neither do most players. So the URL of a
video's playlists has its expiry and an HMAC-SHA256 (RFC 2104) of video and expiry, as the URLs of
its segments have a signature of S3 or CloudFront. API Gateway does not authorize such requests
(``infra/api.tf``); the API checks the signature on every host.
"""

import hmac
import time
from collections.abc import Callable
from functools import cached_property
from urllib.parse import urlencode


class Playback:
    """A signer and verifier of playlist URLs.

    Args:
        key: returns the secret key; called on first use.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._get_key = key

    def query(self, video_id: str, *, lasts_s: float) -> str:
        """Return the query string that signs URLs of a video's playlists.

        Args:
            video_id: the video.
            lasts_s: lifetime of the URLs. A player requests playlists while it plays: another
                rendition's when it switches.
        """
        expires = str(int(time.time() + lasts_s))
        return urlencode({"expires": expires, "signature": self._sign(video_id, expires)})

    def allows(self, video_id: str, expires: str, signature: str) -> bool:
        """Return True if the signature is valid for this video and has not expired."""
        ours = self._sign(video_id, expires)
        # A valid signature implies that `expires` is a number.
        return hmac.compare_digest(ours.encode(), signature.encode()) and time.time() < int(expires)

    def _sign(self, video_id: str, expires: str) -> str:
        return hmac.digest(self._key, f"{video_id} {expires}".encode(), "sha256").hex()

    @cached_property
    def _key(self) -> bytes:
        return self._get_key()
