"""A page that had its own name resolve to this machine reads and changes nothing."""

import pytest

from tests.fakes.query import client, done, upload, video

SOURCE = upload()
FOREIGN = ["evil.example", "localhost.evil.example", "videos.lan.evil.example", "", "127.0.0.1@x"]
OURS = ["localhost", "127.0.0.1:8080", "[::1]:8080", "192.168.1.7", "videos.lan:80"]


@pytest.fixture
def api():
    return client(video(SOURCE, done(SOURCE, "toy")), hosts=frozenset({"videos.lan"}))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("host", FOREIGN)
def test_no_address_answers_under_a_foreign_host(api, method, host):
    for path in ("/", "/web/app.js", "/videos", "/health", "/files/b/k", "/playlists/x/y.m3u8"):
        answer = api.request(method, path, headers={"Host": host})
        assert answer.status_code == 403, path
        if method != "HEAD":
            assert answer.json()["code"] == "foreign_host"


@pytest.mark.parametrize("host", OURS)
def test_it_answers_under_its_own_names_and_ip_addresses(api, host):
    assert api.get("/videos", headers={"Host": host}).status_code == 200
