import numpy as np
import pytest

from pipeline.core.errors import BadInput, Bug
from pipeline.media import audio, colour
from pipeline.stages.transcode import h264, renditions
from pipeline.stages.transcode import stage as transcode

from . import clips, playback

LADDER = {"rungs": (180, 120, 90)}


def codes(result):
    return [w.code for w in result.warnings]


def sizes(result):
    return [(r["width"], r["height"]) for r in result.summary["renditions"]]


@pytest.fixture
def master(tmp_path):
    return tmp_path / "hls" / "master.m3u8"


@pytest.fixture
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize(
    ("maker", "duration_s"),
    [
        (clips.plain, 5),
        (clips.ntsc, 7),
        (clips.film, 7),
        (clips.vfr, 8),
        (clips.long_gops, 9),
        (clips.shifted, 5),
        (clips.late_picture, 4),
        (clips.gap, 6),
        (clips.joined, 6),
        (clips.fast, 2),
        (clips.interlaced, 2),
        (clips.one_frame, 0.03),
    ],
)
def test_every_segment_plays_and_renditions_are_aligned(run, master, scratch, maker, duration_s):
    result = run(transcode, maker, **LADDER)
    assert set(codes(result)) <= {"no_audio"}
    played = [path for _, path in playback.variants(master)]
    assert len(played) == 3
    for path in (*played, *(p for _, p in playback.alternatives(master))):
        assert playback.each_segment_decodes(path, scratch)
        total = sum(seconds for seconds, _ in playback.playlist(path))
        assert total == pytest.approx(duration_s, abs=0.1)
    keys = [playback.keyframes(path, scratch) for path in played]
    assert keys[0] == pytest.approx(keys[1], abs=0.002)
    assert keys[0] == pytest.approx(keys[2], abs=0.002)
    assert keys[0][0] == pytest.approx(0, abs=0.03)
    assert playback.decodes(master.parents[1] / "video.mp4")


@pytest.mark.parametrize(
    ("maker", "frame_s"), [(clips.ntsc, 1001 / 30000), (clips.film, 1001 / 24000)]
)
def test_keyframes_are_at_the_first_frame_of_every_two_seconds(
    run, master, scratch, maker, frame_s
):
    run(transcode, maker, **LADDER)
    (_, path), *_ = playback.variants(master)
    keys = playback.keyframes(path, scratch)
    assert len(keys) == 4
    for number, key in enumerate(keys):
        assert 2 * number - 0.001 <= key < 2 * number + frame_s


def test_segments_are_six_seconds(run, master):
    run(transcode, clips.long_gops)
    (_, path), *_ = playback.variants(master)
    assert [seconds for seconds, _ in playback.playlist(path)] == [6.0, 3.0]


def test_frames_of_a_variable_rate_keep_their_times(run, master, clip, scratch):
    run(transcode, clips.vfr, **LADDER)
    for _, path in playback.variants(master):
        shown = [time for time, _ in playback.frames(playback.whole(path, scratch))]
        assert shown == pytest.approx([t for t, _ in playback.frames(clip(clips.vfr))], abs=0.001)


def test_a_conforming_source_is_the_top_rendition_bit_for_bit(run, master, clip, scratch):
    result = run(transcode, clips.conforming)
    assert [r["copied"] for r in result.summary["renditions"]] == [True, False]
    assert sizes(result) == [(640, 360), (426, 240)]
    (_, top), (_, low) = playback.variants(master)
    assert playback.keyframes(top, scratch) == pytest.approx(playback.keyframes(low, scratch))
    assert playback.frames(playback.whole(top, scratch)) == playback.frames(clip(clips.conforming))
    assert playback.each_segment_decodes(top, scratch)
    assert codes(result) == []


@pytest.mark.parametrize(
    ("maker", "params"),
    [
        (clips.open_gop, {}),
        (clips.conforming, {"copy_source": False}),
        (clips.conforming, {"segment_s": 1.0}),
        (clips.long_gops, LADDER),
    ],
)
def test_a_source_that_does_not_conform_is_encoded(run, maker, params):
    result = run(transcode, maker, **params)
    assert not any(r["copied"] for r in result.summary["renditions"])


def test_a_copy_whose_keyframes_cannot_be_matched_is_encoded_instead(run, monkeypatch):
    settings = h264.options

    def unaligned(rung, *, keyframes, **quality):
        keyframes = h264.every(3.0, 0.0) if keyframes == "source" else keyframes
        return settings(rung, keyframes=keyframes, **quality)

    monkeypatch.setattr(renditions.h264, "options", unaligned)
    result = run(transcode, clips.conforming)
    assert not any(r["copied"] for r in result.summary["renditions"])


def test_unaligned_renditions_are_never_published(run, monkeypatch):
    settings = h264.options
    monkeypatch.setattr(
        renditions.h264,
        "options",
        lambda rung, **quality: settings(
            rung, **quality | {"keyframes": h264.every(rung.height / 90, 0.0)}
        ),
    )
    with pytest.raises(Bug, match="misaligned"):
        run(transcode, clips.plain, **LADDER)


def test_a_damaged_source_is_not_copied(run):
    result = run(transcode, clips.flipped_conforming)
    assert not any(r["copied"] for r in result.summary["renditions"])
    assert "damaged_media" in codes(result)


@pytest.mark.parametrize(
    ("maker", "size"),
    [
        (clips.rotated, (180, 320)),
        (clips.anamorphic, (320, 180)),
        (clips.odd_size, (322, 180)),
        (clips.plain, (320, 180)),
    ],
)
def test_renditions_are_upright_with_square_pixels_and_even_sizes(run, master, maker, size):
    result = run(transcode, maker)
    assert sizes(result) == [size]
    ((variant, path),) = playback.variants(master)
    assert variant["RESOLUTION"] == f"{size[0]}x{size[1]}"
    made = playback.stream(master.parents[1] / "video.mp4")
    assert (int(made["width"]), int(made["height"])) == size
    assert made["sample_aspect_ratio"] in ("1:1", "N/A")
    assert made["pix_fmt"] == "yuv420p"
    assert "rotation" not in made
    assert path.exists()


def test_hdr_is_tone_mapped_and_tagged(run, tmp_path):
    result = run(transcode, clips.hdr10)
    assert codes(result) == ["hdr_tone_mapped", "no_audio"]
    made = playback.stream(tmp_path / "video.mp4")
    assert (made["pix_fmt"], made["profile"]) == ("yuv420p", "High")
    assert {made[f"color_{k}"] for k in ("space", "transfer", "primaries")} == {"bt709"}


def test_hdr_without_zscale_has_a_warning(run, monkeypatch):
    monkeypatch.setattr(colour, "can_tone_map", lambda: False)
    assert "hdr_not_tone_mapped" in codes(run(transcode, clips.hdr10))


def test_frame_rates_above_60_are_divided(run, master):
    run(transcode, clips.fast)
    ((variant, _),) = playback.variants(master)
    assert variant["FRAME-RATE"] == "60.000"


def test_the_master_playlist_describes_its_renditions(run, master, scratch):
    run(transcode, clips.plain, **LADDER)
    ((_, audio),) = playback.alternatives(master)
    sound = sum(s.size for _, s in playback.playlist(audio)) * 8 / 5
    for variant, path in playback.variants(master):
        segments = playback.playlist(path)
        average = sum(s.size for _, s in segments) * 8 / 5 + sound
        assert int(variant["AVERAGE-BANDWIDTH"]) == pytest.approx(average, rel=0.02)
        assert int(variant["BANDWIDTH"]) >= int(variant["AVERAGE-BANDWIDTH"])
        made = playback.stream(playback.whole(path, scratch))
        profile, level = variant["CODECS"][6:8], int(variant["CODECS"][10:12], 16)
        assert profile == {"High": "64", "Main": "4d"}[made["profile"]]
        assert level == int(made["level"])
        assert variant["CODECS"].endswith(',mp4a.40.2"')


def test_the_mp4_starts_fast_and_keeps_sound_in_step(run, tmp_path):
    run(transcode, clips.late_sound)
    content = (tmp_path / "video.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    video, sound = (playback.stream(tmp_path / "video.mp4", kind) for kind in ("v:0", "a:0"))
    assert float(video["start_time"]) == 0
    heard = np.concatenate(list(audio.stream(tmp_path / "video.mp4", 1)))
    onset = np.argmax(np.abs(heard) > 0.01) / audio.SAMPLE_RATE
    assert onset == pytest.approx(1.5, abs=0.01)
    assert (sound["codec_name"], sound["sample_rate"], sound["channels"]) == ("aac", "48000", "2")


def test_every_audio_track_is_an_alternative_with_its_language(run, master, tmp_path):
    run(transcode, clips.two_languages)
    tracks = [a for a, _ in playback.alternatives(master)]
    assert [t["LANGUAGE"] for t in tracks] == ['"eng"', '"deu"']
    assert [t["DEFAULT"] for t in tracks] == ["YES", "NO"]
    assert len({t["NAME"] for t in tracks}) == 2
    assert playback.stream(tmp_path / "video.mp4", "a:1")["tags_language"] == "deu"


def test_surplus_audio_tracks_are_left_out_with_a_warning(run, master):
    result = run(transcode, clips.two_languages, max_audio_tracks=1)
    assert codes(result) == ["audio_tracks_dropped"]
    assert len(playback.alternatives(master)) == 1


def test_left_out_tracks_do_not_shift_the_others(run, tmp_path):
    run(transcode, clips.early_second_sound, max_audio_tracks=1)
    heard = np.concatenate(list(audio.stream(tmp_path / "video.mp4", 1)))
    assert np.argmax(np.abs(heard) > 0.01) / audio.SAMPLE_RATE == pytest.approx(1.5, abs=0.05)


def test_audio_after_the_last_frame_is_kept(run, tmp_path):
    assert run(transcode, clips.long_sound).summary["duration_s"] == pytest.approx(5, abs=0.05)
    heard = np.concatenate(list(audio.stream(tmp_path / "video.mp4", 1)))
    assert np.abs(heard[round(4.8 * audio.SAMPLE_RATE) :]).max() > 0.05


def test_a_silent_video_is_made_with_a_warning(run, master):
    assert codes(run(transcode, clips.silent)) == ["no_audio"]
    assert playback.alternatives(master) == []


def test_undecodable_audio_does_not_fail_the_video(run, master):
    result = run(transcode, clips.broken_sound)
    assert codes(result) == ["damaged_media", "audio_undecodable"]
    assert playback.variants(master)


@pytest.mark.parametrize("maker", [clips.flipped, clips.cut_off])
def test_damaged_media_becomes_playable_with_a_warning(run, master, scratch, maker):
    assert codes(run(transcode, maker)) == ["damaged_media"]
    for _, path in playback.variants(master):
        assert playback.each_segment_decodes(path, scratch)


def test_a_source_that_cannot_be_decoded_is_bad_input(run):
    with pytest.raises(BadInput) as refusal:
        run(transcode, clips.dead)
    assert refusal.value.code == "undecodable"


def test_every_file_is_an_artifact_and_nothing_else_is_left(run, tmp_path):
    result = run(transcode, clips.two_languages)
    names = [a.name for a in result.artifacts]
    files = [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(names) == sorted(files)
    assert {a.role for a in result.artifacts} == {
        "hls_master",
        "hls_playlist",
        "hls_segments",
        "mp4",
    }


def test_the_recording_location_is_not_published(run, tmp_path):
    run(transcode, clips.located)
    files = (p for p in tmp_path.rglob("*") if p.is_file())
    assert not any(b"+48.8577" in p.read_bytes() for p in files)
