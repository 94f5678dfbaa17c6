"""Still parts, pauses and late sound: durations of HLS and of its media follow what is shown."""

import itertools
import struct

import pytest

from pipeline.stages.transcode import stage as transcode

from . import clips, playback

SMALL = "160x90"


def still(path, *encoder, paused="between(t,4,17)", seconds=20, sound=20, form="mp4"):
    """Write a picture that stands still from 4 s to 17 s, with a tone at every whole second."""
    source = ("-f", "lavfi", "-i", f"testsrc2=s={SMALL}:r=25:d={seconds}")
    tone = ("-f", "lavfi", "-i", f"aevalsrc='lt(mod(t,1),0.1)*sin(2*PI*1000*t)':d={sound}")
    drop = ("-vf", f"select='not({paused})'", "-vsync", "vfr", "-enc_time_base", "1/1000")
    tone = (*tone, "-c:a", "aac") if sound else ()
    given = (*source, *tone[:4])
    clips.ffmpeg(*given, *drop, *encoder, *tone[4:], "-f", form, path)


def in_the_middle(path):
    still(path, *clips.h264(gop=50))


def in_a_webm(path):
    fast = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k")
    still(path, *fast, form="matroska")


def near_the_end(path):
    """Write B-frames whose pause ends with the last two frames, and no sound after them."""
    still(path, *clips.h264(gop=50), paused="between(t,4,19.9)", sound=0)


def until_the_end(path):
    still(path, *clips.h264(gop=50), paused="gt(t,4)", seconds=10, sound=20)


def short_pauses(path):
    """Write pauses of 3 s, which are short enough for a copy."""
    quality = (*clips.h264(gop=25), "-b:v", "300k")
    still(path, *quality, paused="gt(mod(t,4),1)", seconds=16, sound=0)


def two_a_second(path):
    """Write GOPs that conform, but their last frames are not decoded last."""
    clips.ffmpeg(*clips.picture(SMALL, "2"), "-t", 8, *clips.h264(gop=4), path)


def decode_start_s(init, segment):
    """Return the decode time of a segment's first sample, from its boxes."""
    (scale,) = struct.unpack_from(">I", init, init.index(b"mdhd") + 16)
    at = segment.index(b"tfdt") + 4
    (time,) = struct.unpack_from(">Q" if segment[at] else ">I", segment, at + 4)
    return time / scale


@pytest.mark.parametrize(
    ("maker", "seconds"),
    [
        (in_the_middle, 20),
        (in_a_webm, 20),
        (near_the_end, 20),
        (until_the_end, 20),
        (short_pauses, 13.04),
    ],
)
def test_segments_over_a_still_have_the_usual_length_and_their_true_times(
    run, tmp_path, maker, seconds
):
    result = run(transcode, maker, rungs=(90, 64), preset="ultrafast")
    assert [r["copied"] for r in result.summary["renditions"]] == [maker is short_pauses, False]
    for _, path in playback.variants(tmp_path / "hls" / "master.m3u8"):
        lengths, segments = zip(*playback.playlist(path), strict=True)
        assert sum(lengths) == pytest.approx(seconds, abs=0.1)
        assert max(lengths) < 9
        began = [decode_start_s(one.header, one.media()) for one in segments]
        # hls.js compares these with the playlist.
        assert began == pytest.approx([0, *itertools.accumulate(lengths[:-1])], abs=0.05)


@pytest.mark.parametrize("maker", [clips.joined_ac3, two_a_second])
def test_the_last_frame_of_a_segment_lasts_until_the_next_one_begins(run, tmp_path, maker):
    result = run(transcode, maker, rungs=(90, 64), segment_s=4)
    assert not any(r["copied"] for r in result.summary["renditions"])
    for _, path in playback.variants(tmp_path / "hls" / "master.m3u8"):
        spans = [playback.seen(segment) for _, segment in playback.playlist(path)]
        assert len(spans) > 1
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert start - end < 0.21  # hls.js passes over 0.25 s
