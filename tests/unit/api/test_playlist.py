"""Playlists whose every address plays without credentials, once the first address is known."""

import hmac

import pytest

from pipeline.api import playlist
from pipeline.api.playback import Playback
from pipeline.api.problems import Problem
from pipeline.core.media_info import Probe
from tests.fakes.query import (
    KEY,
    ORIGIN,
    FakeArtifacts,
    FakeCatalog,
    client,
    done,
    run,
    signature,
    upload,
    video,
)

HLS = {
    "hls/master.m3u8": "hls_master",
    "hls/180p/index.m3u8": "hls_playlist",
    "hls/180p/a b.mp4": "hls_segments",
    "video.mp4": "mp4",
}
MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="URI=x",URI="../hls/180p/index.m3u8{signed}"
#EXT-X-STREAM-INF:BANDWIDTH=1
180p/index.m3u8{signed}
"""
MEDIA = """#EXTM3U
# a comment
#EXT-X-MAP:URI="a%20b.mp4",BYTERANGE="10@0"

#EXTINF:6.0,
#EXT-X-BYTERANGE:90@10
a%20b.mp4
#EXTINF:6.0,
#EXT-X-BYTERANGE:80@100
a%20b.mp4
"""
SOURCE = upload()
BASE = f"artifacts/{SOURCE.video_id}/transcode/"
PATH = f"/playlists/{SOURCE.video_id}"
START = 1_700_000_000  # long ago: signed now, it has not expired


@pytest.fixture
def files(monkeypatch):
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: START)
    files = {
        f"{BASE}hls/master.m3u8": MASTER.format(signed="").encode(),
        f"{BASE}hls/180p/index.m3u8": MEDIA.encode(),
    }
    return FakeArtifacts(files)


@pytest.fixture
def player(files):
    return client(video(SOURCE, done(SOURCE, "transcode", HLS)), artifacts=files)


def test_playlists_in_a_playlist_stay_relative_to_this_api_and_are_signed_as_it_is(player):
    answer = player.get(f"{PATH}/hls/master.m3u8?{signature(SOURCE)}")
    assert answer.text == MASTER.format(signed=f"?{signature(SOURCE)}")
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_segments_and_initialization_sections_become_presigned(player):
    lines = player.get(f"{PATH}/hls/180p/index.m3u8?{signature(SOURCE)}").text.splitlines()
    files = f"{ORIGIN}/{BASE}hls/180p"
    assert lines[1] == "# a comment"
    assert lines[2] == f'#EXT-X-MAP:URI="{files}/a b.mp4?signed",BYTERANGE="10@0"'
    assert lines[5:7] == ["#EXT-X-BYTERANGE:90@10", f"{files}/a b.mp4?signed"]
    assert lines[8:10] == ["#EXT-X-BYTERANGE:80@100", f"{files}/a b.mp4?signed"]


def test_a_file_is_signed_once_for_all_of_its_segments(player, files):
    player.get(f"{PATH}/hls/180p/index.m3u8?{signature(SOURCE)}")
    assert files.signed == [f"{BASE}hls/180p/a b.mp4"]


@pytest.mark.usefixtures("player")
def test_byte_ranges_of_one_file_have_its_one_address():
    ranges = """#EXTM3U
#EXT-X-MAP:URI="picture-0000-1.mp4",BYTERANGE="718@0"
#EXTINF:6.0,
#EXT-X-BYTERANGE:5000@718
picture-0000-1.mp4
#EXTINF:6.0,
#EXT-X-BYTERANGE:4000@5718
picture-0000-1.mp4
#EXT-X-ENDLIST
"""
    signed = f"{ORIGIN}/{BASE}hls/180p/picture-0000-1.mp4?signed"
    files = FakeArtifacts({f"{BASE}hls/180p/index.m3u8": ranges.encode()})
    api = client(video(SOURCE, done(SOURCE, "transcode", HLS)), artifacts=files)
    answer = api.get(f"{PATH}/hls/180p/index.m3u8?{signature(SOURCE)}")
    assert answer.text == ranges.replace("picture-0000-1.mp4", signed)


@pytest.mark.parametrize(
    "name",
    [
        "hls/other",
        "hls/180p/%2e%2e/master",
        "%2e%2e%2f%2e%2e%2fsecret",
        "%2e%2e/%2e%2e/secret",
        "/etc/passwd",
        "hls%2F..%2F..%2Fx",
        "manifest",
    ],
)
def test_only_a_playlist_of_the_result_can_be_asked_for(player, name):
    answer = player.get(f"{PATH}/{name}.m3u8?{signature(SOURCE)}")
    assert answer.status_code == 404
    assert answer.json()["code"] in {"unknown_playlist", "unknown_route"}


@pytest.mark.parametrize(
    "uri",
    [
        "data:text/plain,x",
        "https:x.ts",
        "//evil.example",
        "https://evil.example/x.ts",
        "//evil.example/x.ts",
        "/x.ts",
        "../x.ts",
        "a/../../x.ts",
    ],
)
def test_a_playlist_cannot_sign_anything_outside_its_result(uri):
    with pytest.raises(Problem):
        playlist.within("", uri)


def test_a_film_can_be_watched_to_its_end_and_an_hour_longer(monkeypatch):
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: START)
    film = Probe(container="mov", duration_s=3 * 3600.0, size_bytes=1000)
    one = video(SOURCE, done(SOURCE, "transcode", HLS), probe=film)
    files = FakeArtifacts({f"{BASE}hls/180p/index.m3u8": MEDIA.encode()})
    api = client(one, artifacts=files)
    shown = api.get(f"/videos/{SOURCE.video_id}").json()
    rung = shown["links"]["playlist"].replace("master", "180p/index")
    assert files.lasting[f"{BASE}video.mp4"] == 4 * 3600  # players that have no HLS
    # The player switches to another rendition, which it has no playlist of yet.
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: START + 4 * 3600 - 1)
    assert api.get(rung).status_code == 200
    assert files.lasting[f"{BASE}hls/180p/a b.mp4"] == 4 * 3600
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: START + 4 * 3600)
    assert api.get(rung).status_code == 403


def test_a_playlist_that_is_not_there_yet_says_so():
    api = client(video(SOURCE, run(SOURCE, "a", "pending")))
    answer = api.get(f"{PATH}/hls/master.m3u8?{signature(SOURCE)}")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    assert "a is waiting for a worker" in answer.json()["detail"]


def test_playlists_of_a_deleted_video_are_gone():
    api = client(video(SOURCE, deleted_at=SOURCE.time))
    answer = api.get(f"{PATH}/hls/master.m3u8?{signature(SOURCE)}")
    assert (answer.status_code, answer.json()["code"]) == (410, "video_deleted")


# -- who may ask ---------------------------------------------------------------------------------


def forged(**given):
    known = dict(part.split("=") for part in signature(SOURCE).split("&"))
    return "&".join(f"{name}={value}" for name, value in (known | given).items())


FORGED = {
    "nothing": "",
    "no signature": "expires=1900000000",
    "an empty one": "expires=1900000000&signature=",
    "no ASCII": "expires=1900000000&signature=%C3%A9",
    "a later end": forged(expires="1900000000"),
    "no number": forged(expires="abc"),
    "a surrogate": forged(expires="%ED%A0%80"),
    "another signature": forged(signature="0" * 64),
    "another video's": signature(upload(1)),
    "another key's": Playback(lambda: b"another key").query(SOURCE.video_id, lasts_s=3600),
}


@pytest.mark.parametrize("query", FORGED.values(), ids=FORGED)
def test_an_address_that_was_not_given_out_tells_nothing(player, query):
    for video_id in (SOURCE.video_id, "0" * 20):
        answer = player.get(f"/playlists/{video_id}/hls/master.m3u8?{query}")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_signed")


def test_an_address_ends(player, monkeypatch):
    path = f"{PATH}/hls/master.m3u8?{signature(SOURCE)}"
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: START + 3599)
    assert player.get(path).status_code == 200
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: START + 3600)
    assert player.get(path).status_code == 403


@pytest.mark.parametrize("query", FORGED.values(), ids=FORGED)
def test_an_address_that_is_wrong_never_reaches_the_table(query):
    catalog = FakeCatalog()
    catalog.error = AssertionError("was asked")
    assert client(catalog=catalog).get(f"{PATH}/hls/master.m3u8?{query}").status_code == 403


def test_the_key_is_read_once():
    asked = []
    playback = Playback(lambda: asked.append(1) or KEY)
    assert not asked
    assert playback.query("a", lasts_s=60) != playback.query("b", lasts_s=60)
    assert len(asked) == 1


def test_signatures_are_compared_in_constant_time(player, monkeypatch):
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    assert player.get(f"{PATH}/hls/master.m3u8?{signature(SOURCE)}").status_code == 403
