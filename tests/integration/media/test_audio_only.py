"""Sound without a picture: what plays, and what is shown of it."""

import json

import numpy as np
import pytest
from PIL import Image

from pipeline.media import audio
from pipeline.stages.detect import stage as detect
from pipeline.stages.thumbnail import stage as thumbnail
from pipeline.stages.transcode import stage as transcode

from . import clips, playback


def codes(result):
    return [one.code for one in result.warnings]


def heard(path, track=0):
    return np.concatenate(list(audio.stream(path, track)))


@pytest.mark.parametrize(
    ("maker", "copied", "duration_s"),
    [
        (clips.audio_only, True, 3),
        (clips.raw_aac, True, 3),
        (clips.cover_art, True, 3),
        (clips.podcast, False, 4),
    ],
)
def test_every_segment_plays_and_lasts_as_long_as_the_source(
    made, tmp_path, maker, copied, duration_s
):
    result, folder = album = made(transcode, maker, segment_s=2)
    assert codes(result) == []
    assert result.summary["encoder"] == ("copy" if copied else "aac")
    assert result.summary["duration_s"] == pytest.approx(duration_s, abs=0.06)
    ((variant, path),) = playback.variants(album.master)
    assert variant["CODECS"] == '"mp4a.40.2"'
    assert "RESOLUTION" not in variant
    assert "EXT-X-MEDIA" not in album.master.read_text()
    m4a = folder / "audio.m4a"
    assert playback.decodes(m4a, *playback.segments(path, tmp_path))
    assert sum(seconds for seconds, _ in playback.playlist(path)) == pytest.approx(
        duration_s, abs=0.06
    )
    sound = playback.stream(m4a, "a:0")
    assert sound["codec_name"] == "aac"
    assert float(sound["duration"]) == pytest.approx(duration_s, abs=0.06)
    content = m4a.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert content[8:12] == b"M4A "


def test_copied_sound_is_the_sources_own(made, source):
    album = made(transcode, clips.audio_only, segment_s=2)
    copy, given = heard(album.folder / "audio.m4a"), heard(source(clips.audio_only).path)
    assert abs(len(copy) - len(given)) <= audio.SAMPLE_RATE * 0.03
    length = min(len(copy), len(given))
    assert np.abs(copy[:length] - given[:length]).max() < 0.001


def test_encoded_sound_is_where_it_was(made):
    album = made(transcode, clips.podcast, segment_s=2)
    sound = np.abs(heard(album.folder / "audio.m4a")) > 0.01
    ends = len(sound) - np.argmax(sound[::-1])
    assert np.argmax(sound) / audio.SAMPLE_RATE == pytest.approx(0, abs=0.04)
    assert ends / audio.SAMPLE_RATE == pytest.approx(2, abs=0.04)


def test_further_tracks_are_alternatives_after_the_default_one(made):
    album = made(transcode, clips.two_talks)
    lines = [
        one for one in album.master.read_text().splitlines() if one.startswith("#EXT-X-MEDIA:")
    ]
    first, second = map(playback.attributes, lines)
    assert (first["LANGUAGE"], first["DEFAULT"]) == ('"deu"', "YES")
    assert "URI" not in first  # its media is the variant's own
    assert (second["LANGUAGE"], second["DEFAULT"]) == ('"eng"', "NO")
    assert second["URI"] == '"audio-2/index.m3u8"'
    ((variant, path),) = playback.variants(album.master)
    assert variant["AUDIO"] == '"audio"'
    assert path.parent.name == "audio-1"
    assert playback.stream(album.folder / "audio.m4a", "a:1")["tags_language"] == "eng"


def test_the_wanted_track_comes_first(made):
    album = made(transcode, clips.two_talks, audio_track="en")
    ((_, path),) = playback.variants(album.master)
    first = next(one for one in album.master.read_text().splitlines() if "TYPE=AUDIO" in one)
    assert playback.attributes(first)["LANGUAGE"] == '"eng"'
    assert path.parent.name == "audio-1"


def test_chapters_are_kept(run, tmp_path):
    result = run(transcode, clips.audiobook)
    assert (result.summary["encoder"], result.summary["chapters"]) == ("copy", 2)
    chapters = json.loads((tmp_path / "chapters.json").read_text())["chapters"]
    assert [one["title"] for one in chapters] == ["One", "Two"]


def test_normalised_sound_is_not_copied(run, source, tmp_path):
    result = run(transcode, clips.audiobook, loudness_lufs=-14)
    assert result.summary["encoder"] == "aac"
    made, given = heard(tmp_path / "audio.m4a"), heard(source(clips.audiobook).path)
    assert np.abs(made).max() > 1.3 * np.abs(given).max()


def test_without_copies_all_is_encoded(run):
    assert run(transcode, clips.audio_only, copy_source=False).summary["encoder"] == "aac"


def test_damaged_sound_is_encoded_with_a_warning(made, tmp_path):
    album = made(transcode, clips.bad_talk)
    assert codes(album.result) == ["damaged_media"]
    assert album.result.summary["encoder"] == "aac"
    ((_, path),) = playback.variants(album.master)
    assert playback.decodes(*playback.segments(path, tmp_path))


@pytest.mark.parametrize("stage", [transcode, thumbnail])
def test_every_file_is_an_artifact(made, stage):
    result, folder = made(stage, clips.two_talks)
    files = [str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()]
    assert sorted(one.name for one in result.artifacts) == sorted(files)


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA"))


def test_the_waveform_is_as_loud_as_the_sound(made):
    result, folder = made(thumbnail, clips.podcast, poster_widths=(150, 1280))
    assert codes(result) == []
    (strip,) = [one for one in result.artifacts if one.role == "waveform"]
    drawn = (opened(folder / strip.name)[:, :, 3] > 0).sum(axis=0)
    assert result.summary["waveform"] == {"width": len(drawn), "height": 120}
    middle = len(drawn) // 2
    assert drawn[: middle - 30].min() > 90  # a tone until 2 s
    assert drawn[middle + 30 :].max() < 10  # and silence


def test_cover_art_is_the_poster(made, source):
    result, folder = made(thumbnail, clips.podcast, poster_widths=(150, 1280))
    assert result.summary["poster"] == {"of": "cover", "width": 300, "height": 300}
    assert result.summary["poster_widths"] == [150, 300]
    shown = opened(folder / "poster-300.jpg")[:, :, :3].astype(float)
    expected = opened(source(clips.podcast).path.with_suffix(".jpg"))[:, :, :3].astype(float)
    assert np.abs(shown - expected).mean() < 6
    assert opened(folder / "poster-150.webp").shape[:2] == (150, 150)


def test_wide_cover_art_is_scaled_down(run, tmp_path):
    result = run(thumbnail, clips.podcast, poster_widths=(100,))
    assert result.summary["poster"] == {"of": "cover", "width": 100, "height": 100}
    assert opened(tmp_path / "poster-100.jpg").shape[:2] == (100, 100)


def test_without_cover_art_the_poster_is_the_waveform(run, tmp_path):
    result = run(thumbnail, clips.audio_only)
    assert result.summary["poster"] == {"of": "waveform", "width": 1280, "height": 720}
    assert result.summary["poster_widths"] == [320, 640, 1280]
    image = opened(tmp_path / "poster-640.jpg")
    assert image.shape[:2] == (360, 640)
    assert image[180, :, 2].max() > 200  # the wave
    assert image[:20, :, :3].max() < 40  # the background
    roles = {one.role for one in result.artifacts}
    assert roles == {"poster", "poster_webp", "waveform"}


def test_objects_are_looked_for_in_pictures_only(source):
    assert not detect.applies(source(clips.podcast).probe)
    assert detect.applies(source(clips.plain).probe)
