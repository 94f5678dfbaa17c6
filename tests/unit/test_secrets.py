"""The watch over the logs of all tests sees what it is there for."""

import logging

import pytest

from tests.fakes.secrets import Watch


@pytest.mark.parametrize(
    "secret",
    [
        "http://127.0.0.1:4599/b/k?X-Amz-Algorithm=A&X-Amz-Credential=VD",
        "/files/b/k?X-Amz-Signature=00ff",
        "/playlists/a/hls/master.m3u8?expires=1&signature=00ff",
        "Authorization: Bearer abcdefgh12345678",
        "http://10.0.0.3:8080/#token=abc",
    ],
)
def test_a_secret_is_seen_in_a_message_and_in_a_traceback(secret):
    watch, log = Watch(), logging.getLogger("elsewhere")
    log.addHandler(watch)
    log.propagate = False
    try:
        log.warning("asked for %s", secret)
        try:
            raise ValueError(secret)
        except ValueError:
            log.exception("failed")
        log.warning("asked for /files/b/k")
    finally:
        log.removeHandler(watch)
    assert len(watch.found) >= 2
