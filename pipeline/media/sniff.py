"""Detection of files that are not media, by their first bytes, for readable error messages."""

import re
from itertools import islice

from pipeline.core.location import Location, size_of
from pipeline.media.moov import content, places

_MAGIC = (
    (b"#EXTM3U", "a playlist (M3U)"),
    (b"ffconcat", "a concat script"),
    (b"[playlist]", "a playlist (PLS)"),
    (b"\x89PNG\r\n", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"II*\x00", "an image (TIFF)"),
    (b"MM\x00*", "an image (TIFF)"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
)
_IMAGE_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"}
_MOST_BOXES = 8  # a fragment is among the first
_MP4_BOXES = {b"ftyp", b"mdat", b"wide", b"free", b"skip"}
_MARKUP = (
    ("<!doctype html", "a web page"),
    ("<html", "a web page"),
    ("<mpd", "a playlist (DASH)"),
    ("<smil", "a playlist (SMIL)"),
    ("<asx", "a playlist (ASX)"),
    ("<svg", "an image (SVG)"),
)

# Elementary streams by the bytes after their first start code, in the order of the test. Codes from
# 0xB9 on are of program streams, which are containers.
_START_CODE = re.compile(rb"\x00{2,8}\x01")
_ELEMENTARY = (
    (re.compile(rb"[\x40\x42\x46\x4e\x02\x26\x28\x2a]\x01"), "HEVC"),
    (re.compile(rb"\x00[\x61\x69\x71\x79\xa1]"), "VVC"),
    (re.compile(rb"[\xb3\xb8]"), "MPEG-2"),
    (re.compile(rb"[\xb0\xb5\xb6\x20]|\x00\x00\x00\x01"), "MPEG-4"),
    (re.compile(rb"\x0f"), "VC-1"),
    (re.compile(rb"[\x01\x21\x41\x61\x25\x45\x65\x06\x07\x27\x47\x67\x09]"), "H.264"),
)
_AV1_UNITS = b"\x12\x00\x0a"  # a temporal delimiter and a sequence header


def elementary(path: Location) -> str | None:
    """Return the codec of an elementary video stream without a container; None for other files."""
    head = _head(path, 16)
    if head.startswith(_AV1_UNITS):
        return "AV1"
    start = _START_CODE.match(head)
    if start is None:
        return None
    return next((name for unit, name in _ELEMENTARY if unit.match(head, start.end())), None)


def is_mp4(path: Location) -> bool:
    """Return whether the file begins as MP4, QuickTime and related formats do."""
    return _head(path, 8)[4:] in _MP4_BOXES


def is_fragmented(path: Location) -> bool:
    """Return whether a file is MP4 whose index is spread over its fragments."""
    first = islice(places(path, 0, size_of(path)), _MOST_BOXES)
    return any(kind in (b"moof", b"sidx") for kind, _, _ in first)


def describe(path: Location) -> str | None:
    """Return the name of a format that is not media; None leaves the decision to the demuxers."""
    head = _head(path, 4096)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS:
        return "an image (AVIF or HEIF)"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "an image (WebP)"
    return _text(head)


def _head(path: Location, size: int) -> bytes:
    """Return the first bytes of a file."""
    return content(path, 0, size)


def _text(head: bytes) -> str | None:
    """Return the name of a text format; None for binary data, which has control characters."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":  # caused by reading only the first bytes
            return None
        text = head[: error.start].decode("utf-8")
    if any(c < " " and c not in "\t\r\n\f\x1b" for c in text):
        return None
    lowered = text.lower()
    return next((name for word, name in _MARKUP if word in lowered), "text")
