"""Files whose index promises what they cannot hold are rejected before ffmpeg reads it."""

import struct
from functools import reduce

import pytest

from pipeline.core.errors import BadInput
from pipeline.core.media_info import AudioStream, VideoStream
from pipeline.media import structure
from pipeline.media.moov import packed


def film(*boxes, handler=b"vide", before=b"", after=b""):
    """Return an MP4 file whose only track has these boxes in its table of samples."""
    hdlr = packed(b"hdlr", bytes(8) + handler + bytes(13))
    tables = packed(b"minf", packed(b"stbl", b"".join(boxes)))
    track = packed(b"trak", packed(b"mdia", hdlr + tables))
    return packed(b"ftyp", b"isom") + before + packed(b"moov", track + after) + bytes(1000)


def table(name, count, content=b""):
    return packed(name, struct.pack(">II", 0, count) + content)


def sizes(count, size):
    return packed(b"stsz", struct.pack(">III", 0, size, count))


@pytest.fixture
def check(tmp_path):
    def checked(content):
        path = tmp_path / "film.mp4"
        path.write_bytes(content)
        structure.check_boxes(path)

    return checked


FREE = packed(b"free", b"")


def nested(levels):
    return reduce(lambda inner, _: packed(b"minf", inner), range(levels), b"")


WIDE = packed(b"minf", FREE * 90) * 20
TIMES = table(b"stts", 100, bytes(800))
OTHERS = (b"elst", b"ctts", b"stss", b"stsc", b"co64")


@pytest.mark.parametrize(
    "content",
    [
        film(table(b"stts", 1 << 31)),
        film(table(b"stco", 100, bytes(20))),
        *(film(table(name, 100, bytes(20))) for name in OTHERS),
        film(sizes(10_000, 1)),
        film(sizes(1_000_000, 1), handler=b"soun"),
        film(sizes(1_000_000, 1), sizes(0, 0)),
        film(table(b"stts", 1 << 31), table(b"stts", 0)),
        film(table(b"elst", 1_001, bytes(12 * 1_001))),
        film(FREE * 1_001),
        film(WIDE),
        film(nested(6)),
        film(nested(2_000)),
        film(after=FREE * 1_001),
        film(before=FREE * 10_001),
    ],
    ids=[
        "times",
        "places",
        *(name.decode() for name in OTHERS),
        "pictures",
        "sound",
        "first_sizes",
        "first_times",
        "edits",
        "in_a_table",
        "in_a_track",
        "too_deep",
        "far_too_deep",
        "in_the_index",
        "before_it",
    ],
)
def test_an_index_that_promises_what_a_file_cannot_hold_is_rejected(check, content):
    with pytest.raises(BadInput, match="The file is damaged or crafted") as rejected:
        check(content)
    assert rejected.value.code == "absurd_structure"


@pytest.mark.parametrize(
    "content",
    [
        film(table(b"stts", 3, bytes(24)), sizes(0, 0)),
        film(table(b"elst", 1_000, bytes(12 * 1_000))),
        film(sizes(100, 8)),
        film(sizes(60_000, 1), handler=b"soun"),
        film(FREE * 900, after=FREE * 900, before=FREE * 9_000),
        film(nested(5)),
        film(table(b"stts", 2, bytes(16)))[:80],
        film(TIMES).partition(TIMES)[0] + TIMES[:40],
        bytes(2000),
        b"",
    ],
    ids=[
        "ordinary",
        "edits",
        "equal_sizes",
        "packed_sound",
        "many_boxes",
        "deep",
        "cut_off",
        "in_a_table",
        "other",
        "empty",
    ],
)
def test_an_index_that_a_writer_makes_is_accepted(check, content):
    check(content)


SOUND = AudioStream(index=1, codec="aac", channels=2, sample_rate=48_000)
PICTURES = VideoStream(
    index=0,
    codec="h264",
    pix_fmt="yuv420p",
    bit_depth=8,
    coded_width=64,
    coded_height=36,
    width=64,
    height=36,
    fps=25.0,
    time_base="1/25",
)


@pytest.mark.parametrize("rate", [0, 999, 768_001])
def test_a_sound_track_of_an_impossible_rate_is_rejected(rate):
    with pytest.raises(BadInput, match="samples a second"):
        structure.check_streams(None, [SOUND, SOUND.model_copy(update={"sample_rate": rate})], 1.0)


def test_a_video_of_too_many_frames_a_second_is_rejected_if_it_has_some():
    fast = PICTURES.model_copy(update={"fps": 1_001.0})
    with pytest.raises(BadInput, match="1,001 frames a second"):
        structure.check_streams(fast, [], 1.0)
    structure.check_streams(fast, [SOUND], 0.009)  # an average of few frames says nothing
    structure.check_streams(PICTURES, [SOUND], 3600.0)
