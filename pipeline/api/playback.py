"""Addresses that a player may ask for without a token, because they are signed and end.

A media element sends no ``Authorization`` header, and most players do not either. So the address
of a video's playlists carries the moment at which it ends and an HMAC-SHA256 (RFC 2104) of both,
as the addresses of its segments carry S3's or CloudFront's signature. API Gateway lets such
addresses pass its authorizer (``infra/api.tf``); the signature is checked by the API, on any host.
"""

import hmac
import time
from collections.abc import Callable
from functools import cached_property
from urllib.parse import urlencode


class Playback:
    """Signs addresses of playlists, and checks them.

    Args:
        key: gets the secret key, when it is needed first.
        lasts_s: how long an address is good for.
    """

    def __init__(self, key: Callable[[], bytes], *, lasts_s: int) -> None:
        self._get_key = key
        self._lasts_s = lasts_s

    def query(self, video_id: str) -> str:
        """What makes an address of one of this video's playlists good from now on."""
        expires = str(int(time.time()) + self._lasts_s)
        return urlencode({"expires": expires, "signature": self._sign(video_id, expires)})

    def allows(self, video_id: str, expires: str, signature: str) -> bool:
        """Whether ``query`` gave that for this video, and it has not ended."""
        ours = self._sign(video_id, expires)
        # What we signed is a number.
        return hmac.compare_digest(ours.encode(), signature.encode()) and time.time() < int(expires)

    def _sign(self, video_id: str, expires: str) -> str:
        return hmac.digest(self._key, f"{video_id} {expires}".encode(), "sha256").hex()

    @cached_property
    def _key(self) -> bytes:
        return self._get_key()
