import numpy as np
import pytest

from pipeline.core.errors import BadInput, Bug
from pipeline.core.stage import Deadline
from pipeline.media import audio, colour
from pipeline.media.probe import probe
from pipeline.stages.transcode import gop, h264, renditions
from pipeline.stages.transcode import stage as transcode

from . import clips, playback

LADDER = {"rungs": (90, 64)}
COPIED = {"rungs": (180, 90)}


def codes(result):
    return [w.code for w in result.warnings]


def sizes(result):
    return [(r["width"], r["height"]) for r in result.summary["renditions"]]


def pictures(made):
    return [path for _, path in playback.variants(made.master)]


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
def test_every_segment_plays_and_renditions_are_aligned(made, scratch, maker, duration_s):
    film = made(transcode, maker, **LADDER)
    assert set(codes(film.result)) <= {"no_audio"}
    played = pictures(film)
    assert len(played) == 2
    alone = []
    for path in (*played, *(p for _, p in playback.alternatives(film.master))):
        alone += playback.segments(path, scratch)
        total = sum(seconds for seconds, _ in playback.playlist(path))
        assert total == pytest.approx(duration_s, abs=0.1)
    assert playback.decodes(*alone, film.folder / "video.mp4")
    first, second = playback.keyframes(played, scratch)
    assert first == pytest.approx(second, abs=0.002)
    assert first[0] == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    ("maker", "frame_s"), [(clips.ntsc, 1001 / 30000), (clips.film, 1001 / 24000)]
)
def test_keyframes_are_at_the_first_frame_of_every_two_seconds(made, scratch, maker, frame_s):
    (keys,) = playback.keyframes(pictures(made(transcode, maker, **LADDER))[:1], scratch)
    assert len(keys) == 4
    for number, key in enumerate(keys):
        assert 2 * number - 0.001 <= key < 2 * number + frame_s


def test_segments_are_six_seconds(made):
    path, *_ = pictures(made(transcode, clips.long_gops, **LADDER))
    assert [seconds for seconds, _ in playback.playlist(path)] == [6.0, 3.0]


def test_frames_of_a_variable_rate_keep_their_times(made, clip, scratch):
    files = [
        playback.whole(path, scratch) for path in pictures(made(transcode, clips.vfr, **LADDER))
    ]
    given, *shown = playback.frames_of(clip(clips.vfr), *files)
    for one in shown:
        assert [t for t, _ in one] == pytest.approx([t for t, _ in given], abs=0.001)


def test_a_conforming_source_is_the_top_rendition_bit_for_bit(made, clip, scratch):
    film = made(transcode, clips.conforming, **COPIED)
    assert [r["copied"] for r in film.result.summary["renditions"]] == [True, False]
    assert sizes(film.result) == [(320, 180), (160, 90)]
    top, low = pictures(film)
    assert playback.decodes(*playback.segments(top, scratch))
    files = (playback.whole(path, scratch) for path in (top, low))
    given, copy, other = playback.frames_of(clip(clips.conforming), *files)
    assert copy == given
    keys = [[time for time, key in one if key] for one in (copy, other)]
    assert keys[0] == pytest.approx(keys[1])
    assert codes(film.result) == []


@pytest.mark.parametrize(
    ("maker", "params"),
    [
        (clips.long_open_gop, LADDER),
        (clips.conforming, COPIED | {"copy_source": False}),
        (clips.conforming, COPIED | {"segment_s": 1.0}),
        (clips.long_gops, LADDER),
        (clips.shifted, COPIED),
    ],
)
def test_a_source_that_does_not_conform_is_encoded(source, maker, params):
    planned = transcode.plan(source(maker), transcode.Params(**params), Deadline(60))
    assert not planned.data["copied"]


def test_keyframes_of_an_mp4_are_read_from_its_index_and_of_others_from_packets(
    source, monkeypatch
):
    def copied(maker):
        return transcode.plan(source(maker), transcode.Params(**COPIED), Deadline(60)).data[
            "copied"
        ]

    assert copied(clips.conforming_matroska)
    monkeypatch.setattr(gop, "read", lambda *_: pytest.fail("all packets are read"))
    assert copied(clips.conforming)


def test_a_copy_whose_keyframes_cannot_be_matched_is_encoded_instead(run, monkeypatch):
    settings = h264.options

    def unaligned(rung, *, keyframes, **quality):
        keyframes = h264.every(3.0, 0.0) if keyframes == "source" else keyframes
        return settings(rung, keyframes=keyframes, **quality)

    monkeypatch.setattr(renditions.h264, "options", unaligned)
    result = run(transcode, clips.conforming, **COPIED)
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


def test_frames_that_an_edit_list_hides_are_not_copied(run, monkeypatch):
    """Packets tell nothing of the list, so a plan may have promised a copy."""
    monkeypatch.setattr(transcode.frames, "keys_suffice", lambda *_: True)
    result = run(transcode, clips.trimmed, **COPIED)
    assert result.summary["duration_s"] == pytest.approx(2.5, abs=0.04)
    assert not any(r["copied"] for r in result.summary["renditions"])


def test_a_mirrored_source_is_not_copied(made, clip):
    """A copy would keep the matrix in HLS and lose it in the MP4; players follow few matrices."""
    film = made(transcode, clips.mirrored_conforming, **COPIED)
    assert not any(r["copied"] for r in film.result.summary["renditions"])
    assert probe(clip(clips.mirrored_conforming)).video.mirrored
    assert not probe(film.folder / "video.mp4").video.mirrored


def test_a_damaged_source_is_not_copied(run):
    result = run(transcode, clips.flipped_conforming, **COPIED)
    assert not any(r["copied"] for r in result.summary["renditions"])
    assert "damaged_media" in codes(result)


@pytest.mark.parametrize(
    ("maker", "rungs", "size"),
    [
        (clips.rotated, (90,), (90, 160)),
        (clips.anamorphic, (90,), (160, 90)),
        (clips.odd_size, (360,), (322, 180)),
    ],
)
def test_renditions_are_upright_with_square_pixels_and_even_sizes(made, maker, rungs, size):
    film = made(transcode, maker, rungs=rungs)
    assert sizes(film.result) == [size]
    ((variant, path),) = playback.variants(film.master)
    assert variant["RESOLUTION"] == f"{size[0]}x{size[1]}"
    shown = playback.stream(film.folder / "video.mp4")
    assert (int(shown["width"]), int(shown["height"])) == size
    assert shown["sample_aspect_ratio"] in ("1:1", "N/A")
    assert shown["pix_fmt"] == "yuv420p"
    assert "rotation" not in shown
    assert path.exists()


def test_hdr_is_tone_mapped_and_tagged(made):
    film = made(transcode, clips.hdr10, rungs=(64,))
    assert codes(film.result) == ["hdr_tone_mapped", "no_audio"]
    shown = playback.stream(film.folder / "video.mp4")
    assert (shown["pix_fmt"], shown["profile"]) == ("yuv420p", "High")
    assert {shown[f"color_{k}"] for k in ("space", "transfer", "primaries")} == {"bt709"}


def test_hdr_without_zscale_has_a_warning(run, monkeypatch):
    monkeypatch.setattr(colour, "can_tone_map", lambda: False)
    assert "hdr_not_tone_mapped" in codes(run(transcode, clips.hdr10, rungs=(64,)))


def test_frame_rates_above_60_are_divided(made):
    for variant, _ in playback.variants(made(transcode, clips.fast, **LADDER).master):
        assert variant["FRAME-RATE"] == "60.000"


def test_the_master_playlist_describes_its_renditions(made, scratch):
    film = made(transcode, clips.plain, **LADDER)
    ((_, audio),) = playback.alternatives(film.master)
    sound = sum(s.size for _, s in playback.playlist(audio)) * 8 / 5
    for variant, path in playback.variants(film.master):
        segments = playback.playlist(path)
        average = sum(s.size for _, s in segments) * 8 / 5 + sound
        assert int(variant["AVERAGE-BANDWIDTH"]) == pytest.approx(average, rel=0.02)
        assert int(variant["BANDWIDTH"]) >= int(variant["AVERAGE-BANDWIDTH"])
        shown = playback.stream(playback.whole(path, scratch))
        profile, level = variant["CODECS"][6:8], int(variant["CODECS"][10:12], 16)
        assert profile == {"High": "64", "Main": "4d"}[shown["profile"]]
        assert level == int(shown["level"])
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


def test_every_audio_track_is_an_alternative_with_its_language(made):
    film = made(transcode, clips.two_languages, **LADDER)
    tracks = [a for a, _ in playback.alternatives(film.master)]
    assert [t["LANGUAGE"] for t in tracks] == ['"eng"', '"deu"']
    assert [t["DEFAULT"] for t in tracks] == ["YES", "NO"]
    assert len({t["NAME"] for t in tracks}) == 2
    assert playback.stream(film.folder / "video.mp4", "a:1")["tags_language"] == "deu"


def test_left_out_tracks_have_a_warning_and_do_not_shift_the_others(made):
    film = made(transcode, clips.early_second_sound, max_audio_tracks=1, **LADDER)
    assert codes(film.result) == ["audio_tracks_dropped"]
    assert len(playback.alternatives(film.master)) == 1
    heard = np.concatenate(list(audio.stream(film.folder / "video.mp4", 1)))
    assert np.argmax(np.abs(heard) > 0.01) / audio.SAMPLE_RATE == pytest.approx(1.5, abs=0.05)


def test_audio_after_the_last_frame_is_kept(made):
    film = made(transcode, clips.long_sound, rungs=(64,))
    assert film.result.summary["duration_s"] == pytest.approx(5, abs=0.05)
    heard = np.concatenate(list(audio.stream(film.folder / "video.mp4", 1)))
    assert np.abs(heard[round(4.8 * audio.SAMPLE_RATE) :]).max() > 0.05


def test_a_silent_video_is_made_with_a_warning(made):
    film = made(transcode, clips.fast, **LADDER)
    assert codes(film.result) == ["no_audio"]
    assert playback.alternatives(film.master) == []


def test_undecodable_audio_does_not_fail_the_video(made):
    film = made(transcode, clips.broken_sound, rungs=(64,))
    assert codes(film.result) == ["damaged_media", "audio_undecodable"]
    assert playback.variants(film.master)


@pytest.mark.parametrize("maker", [clips.flipped, clips.cut_off])
def test_damaged_media_becomes_playable_with_a_warning(made, scratch, maker):
    film = made(transcode, maker, rungs=(64,))
    assert codes(film.result) == ["damaged_media"]
    (path,) = pictures(film)
    assert playback.decodes(*playback.segments(path, scratch))


def test_a_source_that_cannot_be_decoded_is_bad_input(run):
    with pytest.raises(BadInput) as refusal:
        run(transcode, clips.dead)
    assert refusal.value.code == "undecodable"


def test_every_file_is_an_artifact_and_nothing_else_is_left(made):
    film = made(transcode, clips.two_languages, **LADDER)
    names = [a.name for a in film.result.artifacts]
    files = [str(p.relative_to(film.folder)) for p in film.folder.rglob("*") if p.is_file()]
    assert sorted(names) == sorted(files)
    assert {a.role for a in film.result.artifacts} == {
        "hls_master",
        "hls_playlist",
        "hls_segments",
        "mp4",
    }


def test_the_recording_location_is_not_published(made):
    film = made(transcode, clips.located, rungs=(64,))
    files = (p for p in film.folder.rglob("*") if p.is_file())
    assert not any(b"+48.8577" in p.read_bytes() for p in files)
