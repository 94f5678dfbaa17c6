import resource
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipeline.core.errors import BadInput
from pipeline.media import decoding, frames
from pipeline.media.process import Complaints

from . import clips


def times(stream):
    return [round(f.time_s, 3) for f in stream]


def sampled(source, **options):
    return frames.sample(source.path, source.probe, **{"fps": 2, "long_side": 160} | options)


def test_sampled_frames_carry_their_own_times(source):
    ideal = [n * 4 * 1001 / 24000 for n in range(42)]
    found = [f.time_s for f in sampled(source(clips.film), fps=6)]
    assert found == pytest.approx(ideal, abs=1e-4)


def test_times_are_as_exact_after_hours(source):
    found = [f.time_s for f in sampled(source(clips.slow))]
    assert found == pytest.approx([n * 300 / 7 for n in range(467)], abs=1e-3)


def test_with_a_variable_rate_every_frame_has_its_true_time(source):
    found = times(sampled(source(clips.vfr), fps=5))
    ideal = [round(n / 30, 3) for n in range(300)]
    assert set(found) <= set(ideal)
    assert all(b > a for a, b in pairwise(found))
    inside = [t for t in found if 2.1 < t < 4.9]  # where a frame comes every third of a second
    assert len(inside) == 8


def test_frames_show_what_the_video_shows_at_their_time(source):
    """testsrc2's first stripe moves; the frame found by seeking equals the streamed one."""
    video = source(clips.plain)
    for frame in sampled(video, fps=1):
        again = frames.at(video.path, video.probe, frame.time_s, long_side=160)
        assert again.time_s == pytest.approx(frame.time_s, abs=0.002)
        assert np.abs(again.image.astype(int) - frame.image).mean() < 1


def test_times_count_from_the_earliest_stream(source):
    assert times(sampled(source(clips.late_picture)))[0] == 1.0
    assert times(sampled(source(clips.late_picture_ts)))[0] == pytest.approx(1.0, abs=0.05)
    assert times(sampled(source(clips.shifted)))[0] < 0.1


def test_jumps_of_the_clock_add_no_time(source):
    found = times(sampled(source(clips.joined), fps=1))
    assert found == pytest.approx([0, 1, 2, 3, 4, 5], abs=0.1)


@pytest.mark.parametrize(
    ("maker", "shape"),
    [
        (clips.plain, (90, 160, 3)),
        (clips.rotated, (160, 90, 3)),
        (clips.anamorphic, (90, 160, 3)),
        (clips.odd_size, (90, 160, 3)),
        (clips.hdr10, (90, 160, 3)),
    ],
)
def test_frames_are_upright_even_and_of_square_pixels(source, maker, shape):
    frame = next(sampled(source(maker)))
    assert frame.image.shape == shape
    assert frame.image.dtype == np.uint8


def test_frames_are_never_enlarged(source):
    assert next(sampled(source(clips.plain), long_side=4000)).image.shape == (180, 320, 3)


def test_rotation_turns_the_picture_clockwise(source):
    """testsrc2's leftmost stripe is red: turned clockwise, it is on top."""
    image = next(sampled(source(clips.rotated))).image
    red, green, _ = image[5, 60].astype(int)
    assert red > 200
    assert green < 60


def test_after_the_end_there_is_no_frame(source):
    video = source(clips.plain)
    assert frames.at(video.path, video.probe, 60, long_side=64) is None


def test_damage_is_reported(source):
    complaints = Complaints()
    assert list(sampled(source(clips.flipped), complaints=complaints))
    assert complaints.count > 0
    fine = Complaints()
    list(sampled(source(clips.plain), complaints=fine))
    assert fine.count == 0


def test_frames_that_outgrow_what_the_header_said_are_not_decoded(source):
    heard = Complaints()
    found = list(sampled(source(clips.grown), fps=30, complaints=heard))
    assert 1 <= len(found) <= 3
    assert heard.count > 0


def test_audio_without_video_is_rejected_before_anything_starts(source):
    with pytest.raises(BadInput, match="no_video"):
        sampled(source(clips.audio_only))


def test_leaving_early_ends_ffmpeg_and_closes_its_pipes(source):
    before = len(list(Path("/proc/self/fd").iterdir()))
    stream = sampled(source(clips.plain), fps=30)
    next(stream)
    stream.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    # Nor a zombie process.
    assert [c for c in psutil.Process().children() if c.name() == "ffmpeg"] == []


def test_memory_does_not_grow_with_the_number_of_frames(source):
    """A hundred frames of 320x180 are 17 MB; they are held one at a time."""
    stream = sampled(source(clips.plain), fps=30, long_side=320)
    next(stream)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in stream) == 149
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024


def skips(monkeypatch):
    """Return the list of frames to skip that each later decoding is asked for."""
    asked = []
    plain = decoding.decoded

    def decoded(*given, **options):
        asked.append(options["skip_frame"])
        return plain(*given, **options)

    monkeypatch.setattr(decoding, "decoded", decoded)
    return asked


def test_only_keyframes_are_decoded_where_they_are_as_dense_as_the_samples(source, monkeypatch):
    asked = skips(monkeypatch)
    assert times(sampled(source(clips.plain), fps=0.5, keyed=True)) == [0.0, 2.0, 4.0]
    found = times(sampled(source(clips.conforming), fps=0.6, keyed=True))
    assert found == [0.0, 3.2, 4.8, 6.4]
    assert asked == ["nokey", "nokey"]


def test_keyframes_that_are_none_are_made_up_for(source):
    found = times(sampled(source(clips.long_gops), fps=0.5, keyed=True))
    assert found == pytest.approx([0, 2, 4, 6, 8], abs=0.1)


def test_a_first_keyframe_that_the_decoder_loses_is_made_up_for(source):
    found = times(sampled(source(clips.disordered_keys), fps=0.5, keyed=True))
    assert found == pytest.approx([0, 2, 4, 6], abs=0.05)


def test_rare_keyframes_are_made_up_for_in_their_sections_alone(source, monkeypatch):
    """Keyframes come every 0.2 s for 2 s, and then none until 12 s."""
    asked = skips(monkeypatch)
    video = source(clips.dense_then_rare)
    found = times(sampled(video, keyed=True, section_s=2))
    assert found == [n / 2 if n > 4 else [0.0, 0.6, 1.0, 1.6, 2.0][n] for n in range(24)]
    assert asked == ["nokey", None]


def test_the_choice_begins_again_in_each_section(source):
    """At 0.4 frames/s, the third slot begins at 5 s, but a section at 4 s."""
    video = source(clips.long_gops)
    assert times(sampled(video, fps=0.4)) == pytest.approx([0, 2.5, 5, 7.5], abs=0.1)
    whole = times(sampled(video, fps=0.4, section_s=4))
    assert whole == pytest.approx([0, 2.5, 4, 5, 7.5, 8], abs=0.1)
    first = sampled(video, fps=0.4, section_s=4, end_s=4.0)
    rest = sampled(video, fps=0.4, section_s=4, start_s=4.0)
    assert times(first) + times(rest) == whole


def test_rough_frames_look_the_same_at_half_size_and_less(source):
    video = source(clips.conforming)
    pairs = zip(
        sampled(video, long_side=160), sampled(video, long_side=160, rough=True), strict=True
    )
    for fine, rough in pairs:
        assert rough.time_s == fine.time_s
        assert 0 < np.abs(rough.image.astype(int) - fine.image).mean() < 2
    whole = sampled(video, long_side=250), sampled(video, long_side=250, rough=True)
    for fine, rough in zip(*whole, strict=True):
        assert (rough.image == fine.image).all()
