"""Sound and subtitles of renditions: levels, choice of tracks, titles, subtitles and chapters."""

import json
import subprocess

import numpy as np
import pytest
import webvtt

from pipeline.core.errors import BadInput
from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages.transcode import stage as transcode

from . import clips, playback

SMALL = {"rungs": (64,)}


def decoded(path, track=0):
    """Return both channels of an audio track at 48 kHz."""
    options = ("-map", f"0:a:{track}", "-f", "f32le", "-ar", "48000", "-")
    command = ["ffmpeg", "-v", "error", "-i", path, *options]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(content, np.float32).reshape(-1, 2)


def level_db(sound):
    return 20 * np.log10(np.sqrt(np.mean(np.square(sound))) + 1e-9)


def pitch_hz(sound):
    return np.argmax(np.abs(np.fft.rfft(sound[:, 0]))) * 48_000 / len(sound)


def loudness_lufs(path):
    """Return the loudness by the loudnorm filter, which the pipeline does not use."""
    command = ["ffmpeg", "-i", path, "-af", "loudnorm=print_format=json", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return float(json.loads(said[said.rindex("{") : said.rindex("}") + 1])["input_i"])


def test_a_loud_surround_mix_stays_below_full_scale(run, tmp_path):
    """It peaked at +7.65 dBFS."""
    run(transcode, clips.loud_surround, **SMALL)
    sound = decoded(tmp_path / "video.mp4")
    assert 20 * np.log10(np.abs(sound).max()) < 0
    assert level_db(sound) > -6  # it is limited, not turned down as a whole


def test_the_channels_of_stereo_keep_their_signs(run, tmp_path):
    run(transcode, clips.inverted, **SMALL)
    left, right = decoded(tmp_path / "video.mp4").T
    assert level_db(left + right) < level_db(left) - 30


def test_loudness_is_normalised_on_request(run, tmp_path):
    run(transcode, clips.equal_channels, loudness_lufs=-14.0, **SMALL)
    assert loudness_lufs(tmp_path / "video.mp4") == pytest.approx(-14.0, abs=1.0)


@pytest.fixture(scope="module")
def tracks(request, tmp_path_factory):
    """Return the result of a video of many tracks, and its folder."""
    clip = request.getfixturevalue("clip")
    folder = tmp_path_factory.mktemp("tracks")
    source = Source(path=clip(clips.many_tracks), name="many", probe=probe(clip(clips.many_tracks)))
    return transcode.run(source, transcode.Params(**SMALL), folder, Deadline(60)), folder


def test_the_default_track_comes_first_with_titles_and_flags_of_the_others(tracks):
    _, folder = tracks
    media = [a for a, _ in playback.alternatives(folder / "hls" / "master.m3u8")]
    sounds = [a for a in media if a["TYPE"] == "AUDIO"]
    assert [(a["NAME"], a["LANGUAGE"], a["DEFAULT"], a["AUTOSELECT"]) for a in sounds] == [
        ('"Audio 1 (eng)"', '"eng"', "YES", "YES"),
        ('"Audio 2 (deu)"', '"deu"', "NO", "YES"),
        ("\"Cut '2', by J. Doe\"", '"eng"', "NO", "NO"),
    ]
    made = folder / "video.mp4"
    assert [round(pitch_hz(decoded(made, n)), -1) for n in range(3)] == [440, 880, 660]
    assert playback.stream(made, "a:0")["disposition_default"] == "1"
    assert playback.stream(made, "a:2")["disposition_default"] == "0"
    assert playback.stream(made, "a:2")["disposition_comment"] == "1"


def test_mono_is_as_loud_in_both_channels_as_it_was_in_one(tracks, clip):
    """It was 3 dB quieter."""
    options = ("-map", "0:a:2", "-f", "f32le", "-")
    command = ["ffmpeg", "-v", "error", "-i", clip(clips.many_tracks), *options]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    made = decoded(tracks[1] / "video.mp4")
    for channel in (0, 1):
        assert level_db(made[:, channel]) == pytest.approx(
            level_db(np.frombuffer(content, np.float32)), abs=0.3
        )


def test_another_track_can_be_made_the_default(run, tmp_path):
    run(transcode, clips.many_tracks, audio_track="de-DE", max_audio_tracks=1, **SMALL)
    assert pitch_hz(decoded(tmp_path / "video.mp4")) == pytest.approx(880, abs=5)


def test_a_track_that_is_not_there_is_an_error_and_a_language_a_warning(run, tmp_path):
    with pytest.raises(BadInput, match="unknown_track"):
        run(transcode, clips.many_tracks, audio_track="4", **SMALL)
    for path in tmp_path.iterdir():
        path.rmdir()
    result = run(transcode, clips.many_tracks, audio_track="fra", **SMALL)
    assert "track_missing" in [notice.code for notice in result.warnings]


def test_text_subtitles_become_webvtt_beside_and_in_the_master_playlist(tracks):
    result, folder = tracks
    master = folder / "hls" / "master.m3u8"
    found = [(a, p) for a, p in playback.alternatives(master) if a["TYPE"] == "SUBTITLES"]
    assert [(a["NAME"], a["LANGUAGE"], a.get("FORCED")) for a, _ in found] == [
        ('"English, all"', '"eng"', None),
        ('"Subtitles 2 (deu)"', '"deu"', "YES"),
    ]
    assert all(v["SUBTITLES"] == found[0][0]["GROUP-ID"] for v, _ in playback.variants(master))
    files = [one.path for _, playlist in found for _, one in playback.playlist(playlist)]
    assert [str(path.relative_to(folder)) for path in files] == [
        a.name for a in result.artifacts if a.role == "subtitles_vtt"
    ]
    first, second = (list(webvtt.read(path)) for path in files)
    assert [c.raw_text for c in first] == ["Tom &amp; Jerry &lt;3 \u0645\u06cc\u200c\u062e"]
    # The muxer shifted picture and text by the priming of AAC, 21 ms.
    assert first[0].start_in_seconds + first[0].start_time.milliseconds / 1000 == pytest.approx(
        0.5, abs=0.04
    )
    assert second[0].raw_text == "<i>Exit</i>"
    assert [s["name"] for s in result.summary["subtitles"]] == [
        "English, all",
        "Subtitles 2 (deu)",
    ]


def test_chapters_are_data_and_webvtt(tracks):
    result, folder = tracks
    assert json.loads((folder / "chapters.json").read_text()) == {
        "chapters": [
            {"start": 0.0, "end": 1.0, "title": "Intro"},
            {"start": 1.0, "end": 2.0, "title": "End & all"},
        ]
    }
    assert [c.raw_text for c in webvtt.read(folder / "chapters.vtt")] == ["Intro", "End &amp; all"]
    assert result.summary["chapters"] == 2


def test_every_file_of_them_is_an_artifact(tracks):
    result, folder = tracks
    files = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]
    assert sorted(a.name for a in result.artifacts) == sorted(files)
