import time

import pytest

from pipeline.core.errors import BadInput, LimitExceeded
from pipeline.core.media_info import Limits, VideoStream
from pipeline.media import ffmpeg
from pipeline.media.probe import probe

from . import clips


@pytest.mark.parametrize(
    ("maker", "code"),
    [
        (clips.empty, "empty_file"),
        (clips.text, "not_media"),
        (clips.html, "not_media"),
        (clips.image, "not_media"),
        (clips.playlist, "not_media"),
        (clips.concat_script, "not_media"),
        (clips.noise, "unreadable"),
        (clips.raw_h264, "elementary_stream"),
        (clips.truncated, "truncated"),
        (clips.mvhd_lie, "duration_mismatch"),
        (clips.half_day_lie, "duration_mismatch"),
        (clips.header_only, "no_packets"),
        (clips.subtitles_alone, "no_streams"),
        (clips.slow_sound, "absurd_structure"),
        (clips.endless_edits, "absurd_structure"),
        (clips.million_frames, "absurd_structure"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_unusable_files_are_rejected_within_a_minute(clip, maker, code):
    path = clip(maker)
    start = time.monotonic()
    with pytest.raises(BadInput) as rejected:
        probe(path)
    assert rejected.value.code == code
    assert str(path.parent) not in rejected.value.message
    assert time.monotonic() - start < 60


def test_a_missing_file_and_a_folder_are_rejected(tmp_path):
    for path in (tmp_path, tmp_path / "none.mp4"):
        with pytest.raises(BadInput, match="empty_file"):
            probe(path)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(max_bytes=1000), "too_large"),
        (Limits(max_duration_s=4), "too_long"),
        (Limits(max_pixels=320 * 180 - 1), "too_many_pixels"),
        (Limits(max_streams=1), "too_many_streams"),
    ],
)
def test_limits_are_enforced(clip, limits, code):
    with pytest.raises(LimitExceeded) as refusal:
        probe(clip(clips.plain), limits)
    assert refusal.value.code == code


def test_files_exactly_at_the_limits_are_accepted(clip):
    path = clip(clips.plain)
    size = path.stat().st_size
    probe(path, Limits(max_bytes=size, max_duration_s=5.0, max_pixels=320 * 180, max_streams=2))


def test_an_ordinary_video(clip):
    found = probe(clip(clips.plain))
    assert found.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert found.duration_s == pytest.approx(5.0, abs=0.05)
    assert found.video == VideoStream(
        index=0,
        codec="h264",
        profile="High",
        level=found.video.level,
        pix_fmt="yuv420p",
        bit_depth=8,
        coded_width=320,
        coded_height=180,
        width=320,
        height=180,
        fps=30,
        time_base="1/15360",
        bit_rate=found.video.bit_rate,
    )
    assert found.video.hdr is None
    assert not found.cut_off
    assert [(a.index, a.codec, a.sample_rate) for a in found.audio] == [(1, "aac", 48000)]


def test_the_displayed_size_follows_rotation_and_pixel_shape(clip):
    rotated = probe(clip(clips.rotated)).video
    assert (rotated.rotation, rotated.width, rotated.height) == (90, 180, 320)
    assert (rotated.coded_width, rotated.coded_height) == (320, 180)
    wide = probe(clip(clips.anamorphic)).video
    assert (wide.coded_width, wide.width, wide.height) == (240, 320, 180)
    assert not wide.square_pixels


def test_depth_hdr_interlacing_and_variable_rates_are_detected(clip):
    hdr = probe(clip(clips.hdr10)).video
    assert (hdr.hdr, hdr.bit_depth) == ("pq", 10)
    assert probe(clip(clips.interlaced)).video.interlaced
    assert probe(clip(clips.vfr)).video.vfr


def test_one_kind_of_stream_or_one_frame_is_enough(clip):
    assert probe(clip(clips.audio_only)).video is None
    assert probe(clip(clips.silent)).audio == ()
    assert probe(clip(clips.one_frame)).duration_s < 0.1


def test_cover_art_is_not_a_video_track(clip):
    assert probe(clip(clips.cover_art)).video is None


def test_a_track_of_a_single_picture_is_not_the_one_to_show(clip):
    assert probe(clip(clips.still_track)).video.codec == "h264"


def test_languages_and_the_default_are_read(clip):
    tracks = probe(clip(clips.two_languages)).audio
    assert [(a.language, a.default) for a in tracks] == [("eng", True), ("deu", False)]


def test_times_count_from_the_earliest_stream(clip):
    late = probe(clip(clips.late_sound))
    assert late.video.start_s == 0
    assert late.audio[0].start_s == pytest.approx(1.5, abs=0.05)
    offset = probe(clip(clips.shifted))
    assert offset.duration_s == pytest.approx(5.0, abs=0.1)
    assert offset.video.start_s < 0.1


def test_a_missing_end_is_detected_and_the_rest_measured(clip):
    found = probe(clip(clips.cut_off))
    assert found.cut_off
    assert 8 < found.duration_s < 11


@pytest.mark.parametrize("maker", [clips.plain, clips.joined])
def test_every_program_that_reads_a_file_for_a_probe_has_a_limit_of_minutes(
    clip, monkeypatch, maker
):
    path, caps = clip(maker), []
    started = ffmpeg.Child

    def start(argv, limits, **given):
        caps.append(limits)
        return started(argv, limits, **given)

    monkeypatch.setattr(ffmpeg, "Child", start)
    probe(path)
    assert len(caps) > 1
    assert max(one.wall_s for one in caps) <= 600
    assert not any(one.of_run for one in caps)


def test_jumps_of_the_clock_are_not_counted(clip):
    found = probe(clip(clips.joined))
    assert found.duration_s == pytest.approx(6.0, abs=0.1)
    assert found.hole is None


def test_a_hole_in_the_sound_of_joined_recordings_is_found(clip):
    found = probe(clip(clips.joined_ac3))
    assert found.hole == pytest.approx((3.0, 6.0), abs=0.1)
    assert found.duration_s == pytest.approx(9.0, abs=0.1)


@pytest.mark.parametrize(
    ("muxer", "options", "seconds"),
    [
        ("mp4", (), 7),
        ("mp4", ("-movflags", "+frag_keyframe+empty_moov+skip_trailer"), 3600),
        ("matroska", (), 7),
        ("matroska", (), 3600),
        ("flv", (), 7),
        ("nut", (), 7),
        ("nut", (), 12),
    ],
)
def test_a_clock_that_does_not_begin_at_0_is_no_missing_end(
    clip, tmp_path, muxer, options, seconds
):
    path = tmp_path / "chunk"
    clips.late_clock(path, clip(clips.plain), seconds=seconds, muxer=muxer, options=options)
    found = probe(path)
    assert found.duration_s == pytest.approx(5.0, abs=0.1)
    assert not found.cut_off
    assert found.video.start_s < 0.1


def test_an_end_that_is_missing_is_detected_on_a_clock_that_begins_at_an_hour(clip):
    found = probe(clip(clips.late_clock_cut_off))
    assert found.cut_off
    assert found.duration_s < 50


def test_a_duration_that_was_estimated_from_the_bit_rate_is_not_a_promise(clip):
    assert not probe(clip(clips.quiet_then_loud)).cut_off


def test_a_container_without_a_duration_is_measured(clip):
    assert probe(clip(clips.raw_aac)).duration_s == pytest.approx(3.0, abs=0.1)
