"""Excerpts of files against the files: ffmpeg reads the same packets of a part."""

import zlib

import ffmpeg as fluent
import pytest

from pipeline.core.errors import DependencyFailed
from pipeline.media import excerpt, ffmpeg, matroska, seeking, served, track_index
from pipeline.media.excerpt import Excerpt

from . import clips

PART = (6.0, 8.0)
NOTHING = Excerpt()


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Leave out samples of short files, too."""
    monkeypatch.setattr(track_index, "_AROUND_S", 0.5)
    monkeypatch.setattr(track_index, "_AROUND", 8)
    monkeypatch.setattr(track_index, "_HEAD_S", 1.0)
    monkeypatch.setattr(track_index, "_HEAD", 8)
    monkeypatch.setattr(track_index, "_TAIL", 8)
    monkeypatch.setattr(track_index, "_SMALL", 8)
    monkeypatch.setattr(excerpt, "_LEAST", 1)


def film(path, *options, gop=15, late_s=0.0, sound=clips.AAC, form="mp4"):
    """Write 16 s at 4 Mb/s, with B-frames."""
    rate = ("-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "1M", "-nal-hrd", "cbr")
    encoder = (*clips.h264(gop=gop), "-preset", "superfast", "-bf", 2, *rate, *sound)
    given = (*clips.picture("96x54"), "-itsoffset", late_s, "-f", "lavfi", "-i", "sine=300")
    clips.ffmpeg(*given, "-t", 16, *encoder, *options, "-f", form, path)


def dense(path):
    film(path)


def index_first(path):
    film(path, "-movflags", "+faststart", gop=75)


def vfr(path):
    keep = "lt(t,5)+between(t,5,9)*not(mod(n,7))+gt(t,9)*not(mod(n,2))"
    film(path, "-vf", f"select='{keep}'", "-vsync", "passthrough")


def open_gop(path):
    film(path, "-x264-params", "open-gop=1:b-pyramid=normal", gop=40)


def late_sound(path):
    film(path, late_s=4.3)


def pcm(path):
    film(path, sound=("-c:a", "pcm_s16le"), form="mov")


def matroska_film(path):
    film(path, gop=40, form="matroska")


def packets(path, start_s, end_s):
    """Return checksums of the packets of a part, with their times."""
    given = ffmpeg.source(path, max_pixels=1 << 20, **seeking.options(start_s))
    node = fluent.output(given, "pipe:1", format="framecrc", c="copy", map=0, to=end_s)
    with ffmpeg.pipe(node.global_args("-copyts")) as child:
        lines = list(child.lines())
        complaints = ffmpeg.judge(child)
    return lines, complaints.count


def far(path, known=NOTHING):
    content = path.read_bytes()
    return served.serve(len(content), lambda start, end: content[start:end], known)


def one(given, *span):
    (found,) = excerpt.of(given.path, given.probe, [span])
    return Excerpt.of_packed(found.packed())


@pytest.mark.parametrize(
    "maker",
    [
        dense,
        index_first,
        vfr,
        open_gop,
        late_sound,
        pcm,
        matroska_film,
    ],
)
def test_an_excerpt_is_as_good_as_the_file_for_its_part(source, maker):
    given = source(maker)
    known = one(given, *PART)
    for since in (PART[0] - 0.05, PART[0] + 0.7):
        with far(given.path, known) as (address, _):
            found = packets(address, since, PART[1])
        assert found == packets(given.path, since, PART[1])
        assert len(found[0]) > 50
    assert known.blank or maker is matroska_film


def test_an_excerpt_has_little_of_the_index_and_the_rest_is_not_read(source):
    given = source(dense)
    known = one(given, *PART)
    index, whole = known.known[-1], one(given, 0.0, 16.0).known[-1]
    assert (index.start, index.size) == (whole.start, len(whole.content))
    assert len(zlib.compress(index.content)) < 0.5 * len(zlib.compress(whole.content))
    with far(given.path, known) as (address, blocks):
        packets(address, *PART)
    read = sum(end - start for start, end in known.media)
    assert read < 0.3 * address.size
    assert blocks.fetched < read + 3 * (64 << 10)


@pytest.mark.parametrize("since", [3.0, 12.0])
def test_reading_what_an_excerpt_left_out_is_an_error(source, since):
    given = source(dense)
    with (
        pytest.raises(DependencyFailed, match="index_left_out"),
        far(given.path, one(given, *PART)) as (address, _),
    ):
        packets(address, since, since + 1.0)


@pytest.mark.parametrize("maker", [clips.long_fragmented, clips.long_wave])
def test_other_files_have_no_excerpt(source, maker):
    given = source(maker)
    assert list(excerpt.of(given.path, given.probe, [PART])) == []


def test_the_index_of_matroska_is_that_of_its_keyframes(clip):
    path = clip(clips.long_matroska)
    found = matroska.read(path)
    assert found is not None
    assert [time for time, _ in found.cues][:3] == pytest.approx([0.0, 2.5, 5.0], abs=0.1)
    assert found.media(3.0, 6.0) == (found.cues[1][1], found.cues[2][1])
    content = path.read_bytes()
    assert all(content[place:][:4] == b"\x1f\x43\xb6\x75" for _, place in found.cues)
    assert all(content[place:][: len(part)] == part for place, part in found.known)


def test_a_matroska_file_without_an_index_has_no_excerpt(clip, tmp_path):
    path = tmp_path / "cut"
    path.write_bytes(clip(clips.long_matroska).read_bytes()[:-3000])
    assert matroska.read(path) is None
    assert matroska.read(clip(clips.long_plain)) is None
    lie = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
    path.write_bytes(lie + b"\xec\x01" + b"\xff" * 6 + b"\x00")  # an element of 72 PB
    assert matroska.read(path) is None
