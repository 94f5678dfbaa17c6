"""A file whose index cannot be shortened safely has no excerpt: its parts read all of it."""

import struct
from types import SimpleNamespace

import pytest

from pipeline.media import excerpt
from pipeline.media.moov import packed

MP4 = SimpleNamespace(container="mov,mp4,m4a,3gp,3g2,mj2")
SPANS = [(0.0, 1.0), (1.0, 2.0)]
TABLES = {
    b"stts": struct.pack(">4I", 0, 1, 4, 500),
    b"stsz": struct.pack(">7I", 0, 0, 4, 9, 9, 9, 9),
    b"stsc": struct.pack(">5I", 0, 1, 1, 4, 1),
    b"stco": struct.pack(">3I", 0, 1, 100),
}


def header(kind, scale=1000):
    return packed(kind, bytes(12) + struct.pack(">I", scale) + bytes(8))


def track(kind=b"vide", **other):
    """Return a track of 2 s; ``other`` replaces tables, and None takes one away."""
    tables = TABLES | {name.encode(): content for name, content in other.items()}
    stbl = packed(b"stbl", b"".join(packed(*one) for one in tables.items() if one[1] is not None))
    hdlr = packed(b"hdlr", bytes(8) + kind + bytes(13))
    return packed(b"trak", packed(b"mdia", header(b"mdhd") + hdlr + packed(b"minf", stbl)))


def film(*boxes):
    return packed(b"ftyp", b"isom") + packed(b"moov", b"".join(boxes)) + bytes(200)


def excerpts(tmp_path, content):
    (tmp_path / "film").write_bytes(content)
    return list(excerpt.of(tmp_path / "film", MP4, SPANS))


@pytest.mark.parametrize(
    "content",
    [
        film(header(b"mvhd"), track()),
        film(header(b"mvhd"), track(), track(b"soun", stts=None)),  # it is kept as it is
    ],
    ids=["ordinary", "odd_sound"],
)
def test_an_ordinary_file_has_an_excerpt_for_each_part(tmp_path, content):
    assert len(excerpts(tmp_path, content)) == len(SPANS)


@pytest.mark.parametrize(
    "content",
    [
        packed(b"ftyp", b"isom"),
        film(track()),
        film(packed(b"mvhd", bytes(4)), track()),
        film(header(b"mvhd", scale=0), track()),
        film(header(b"mvhd")),
        film(header(b"mvhd"), track(), packed(b"mvex", b"")),
        film(header(b"mvhd"), track(stts=None), track(b"soun")),
        film(header(b"mvhd"), track(stsc=bytes(4)), track(b"soun")),
        film(header(b"mvhd"), track(), track(stco=None, co64=struct.pack(">2IQ", 0, 1, 100))),
    ],
    ids=[
        "no_index",
        "no_header",
        "short_header",
        "no_clock",
        "no_tracks",
        "fragments",
        "missing_table",
        "short_table",
        "two_widths",
    ],
)
def test_an_index_that_is_damaged_or_unusual_has_none(tmp_path, content):
    assert excerpts(tmp_path, content) == []
