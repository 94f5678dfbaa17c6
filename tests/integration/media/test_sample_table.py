"""The index of MP4 files against ffprobe's list of their packets."""

import pytest

from pipeline.media import sample_table

from . import clips, playback


def fragmented(path):
    clips.ffmpeg(
        *clips.picture("64x64"), "-t", 2, *clips.h264(), "-movflags", "+frag_keyframe", path
    )


def matroska(path):
    clips.ffmpeg(*clips.picture("64x64"), "-t", 2, *clips.h264(), "-f", "matroska", path)


def cut_by_an_edit_list(path):
    """Write a copy that begins between keyframes, whose first frames an edit list hides."""
    whole = path.with_name("whole.mp4")
    clips.plain(whole)
    clips.ffmpeg("-ss", 1, "-i", whole, "-c", "copy", path)


def broken(path):
    clips.plain(path)
    clips.patched(path, b"stts", 4, b"\xff\xff\xff\xff")


@pytest.mark.parametrize("maker", [clips.conforming, clips.plain, clips.vfr])
def test_times_and_keyframes_are_those_of_the_packets(source, maker):
    path = source(maker).path
    found = sample_table.read(path, source(maker).probe.video)
    first = min(found.times)
    keys = [number in found.keys for number in range(len(found.times))]
    shown = sorted(zip((time - first for time in found.times), keys, strict=True))
    packets = playback.frames(path)
    assert [time for time, _ in shown] == pytest.approx([t for t, _ in packets], abs=0.0001)
    assert [key for _, key in shown] == [key for _, key in packets]


@pytest.mark.parametrize("maker", [fragmented, matroska, cut_by_an_edit_list])
def test_files_whose_index_does_not_tell_what_is_shown_have_none(source, maker):
    given = source(maker)
    assert sample_table.read(given.path, given.probe.video) is None


def test_a_damaged_index_is_none(source, tmp_path):
    path = tmp_path / "broken.mp4"
    broken(path)
    assert sample_table.read(path, source(clips.plain).probe.video) is None
