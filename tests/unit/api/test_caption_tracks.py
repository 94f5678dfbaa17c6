"""Captions in the HLS master playlist, whenever they arrive."""

import pytest

from pipeline.api import caption_tracks
from pipeline.api.caption_tracks import CaptionTrack
from pipeline.core.media_info import Probe
from pipeline.core.sidecar import Sidecar
from tests.fakes.query import (
    FakeArtifacts,
    FakeCatalog,
    client,
    done,
    run,
    signature,
    upload,
    video,
)

SOURCE = upload()
PATH = f"/playlists/{SOURCE.video_id}"
VIDEO_ONLY = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1
180p/index.m3u8
"""
WITH_SUBTITLES = """#EXTM3U
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="Transcript",URI="s/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES="subtitles"
180p/index.m3u8
"""
PLAYLISTS = {"hls/master.m3u8": "hls_master", "hls/180p/index.m3u8": "hls_playlist"}
SPOKEN = {"captions.vtt": "captions_vtt"}
SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n"


def api(*runs, beside=()):
    probe = Probe(container="mov", duration_s=12.5, size_bytes=1)
    catalog = FakeCatalog([video(SOURCE, *runs, probe=probe)])
    catalog.sidecars.found = list(beside)
    base = f"artifacts/{SOURCE.video_id}"
    files = {
        f"{base}/transcode/hls/master.m3u8": VIDEO_ONLY.encode(),
        f"{base}/transcode/hls/180p/index.m3u8": b"#EXTM3U\n",
        f"{base}/transcribe/captions.vtt": b"WEBVTT\n",
        **{one.key: SRT for one in beside},
    }
    return client(catalog=catalog, artifacts=FakeArtifacts(files))


def entries(text):
    return [line for line in text.splitlines() if line.startswith("#EXT-X-MEDIA")]


def test_a_master_playlist_has_the_captions_that_arrived_after_it():
    signed = signature(SOURCE)
    transcode = done(SOURCE, "transcode", PLAYLISTS)
    path = f"{PATH}/hls/master.m3u8?{signed}"
    assert entries(api(transcode, run(SOURCE, "transcribe", "running")).get(path).text) == []
    heard = done(SOURCE, "transcribe", SPOKEN, summary={"language": "de"})
    text = api(transcode, heard).get(path).text
    (entry,) = entries(text)
    assert 'GROUP-ID="subtitles",NAME="Transcript",LANGUAGE="de",DEFAULT=NO' in entry
    assert entry.endswith(f'URI="../captions/transcript.m3u8?{signed}"')
    assert '#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES="subtitles"\n' in text


def test_other_playlists_have_no_captions():
    found = api(done(SOURCE, "transcode", PLAYLISTS), done(SOURCE, "transcribe", SPOKEN))
    assert found.get(f"{PATH}/hls/180p/index.m3u8?{signature(SOURCE)}").text == "#EXTM3U\n"


def test_captions_play_without_a_token_by_the_addresses_in_the_playlist():
    name = "clip-000 größer?.de.forced.srt"
    captions = Sidecar(
        bucket="b", key=f"videos/{name}", etag="e", size=9, language="de", flags=("forced",)
    )
    found = api(
        done(SOURCE, "transcode", PLAYLISTS), done(SOURCE, "transcribe", SPOKEN), beside=[captions]
    )
    master = found.get(f"{PATH}/hls/master.m3u8?{signature(SOURCE)}").text
    said = {}
    for line in entries(master):
        address = line.rpartition('URI="')[2].rstrip('"').replace("../", f"{PATH}/")
        playlist = found.get(address)
        assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
        assert "#EXT-X-TARGETDURATION:13\n" in playlist.text
        (segment,) = (one for one in playlist.text.splitlines() if not one.startswith("#"))
        said["FORCED=YES" in line] = found.get(f"{address.rpartition('/')[0]}/{segment}")
    assert said[False].text == "WEBVTT\n"
    assert "Hallo" in said[True].text
    assert said[True].headers["Content-Type"] == "text/vtt; charset=utf-8"


@pytest.mark.parametrize("name", ["transcript.vtt", "transcript.m3u8", "uploaded/a.srt.vtt"])
def test_captions_require_the_signature_of_the_playlist(name):
    answer = api(done(SOURCE, "transcribe", SPOKEN)).get(f"{PATH}/captions/{name}?signature=x")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_signed")


def test_captions_that_are_not_there_are_not_found():
    found = api(done(SOURCE, "transcribe", SPOKEN))
    answer = found.get(f"{PATH}/captions/uploaded/a.srt.m3u8?{signature(SOURCE)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_captions")


def test_names_in_a_group_differ_and_need_no_escapes():
    tracks = [CaptionTrack("a", "Transcript", None), CaptionTrack("b", 'say "x"\r\n#EXT', "en")]
    text = caption_tracks.listed(WITH_SUBTITLES, tracks, lambda path: path)
    assert 'NAME="Transcript 2"' in text
    assert "NAME=\"say 'x'''#EXT\"" in text
    assert text.count('SUBTITLES="subtitles"') == 1


def test_captions_of_a_translation_are_in_english():
    heard = done(
        SOURCE, "transcribe", SPOKEN, summary={"language": "de"}, params={"task": "translate"}
    )
    assert caption_tracks.of(video(SOURCE, heard), [])[0].language == "en"
