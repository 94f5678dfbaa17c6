"""Detection of files that are not media, by their first bytes, for readable error messages."""

from pathlib import Path

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
_MP4_BOXES = {b"ftyp", b"mdat", b"wide", b"free", b"skip"}
_MARKUP = (
    ("<!doctype html", "a web page"),
    ("<html", "a web page"),
    ("<mpd", "a playlist (DASH)"),
    ("<smil", "a playlist (SMIL)"),
    ("<asx", "a playlist (ASX)"),
    ("<svg", "an image (SVG)"),
)


def is_mp4(path: Path) -> bool:
    """Return whether the file begins as MP4, QuickTime and related formats do."""
    with path.open("rb") as file:
        return file.read(8)[4:] in _MP4_BOXES


def describe(path: Path) -> str | None:
    """Return the name of a format that is not media; None leaves the decision to the demuxers."""
    with path.open("rb") as file:
        head = file.read(4096)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS:
        return "an image (AVIF or HEIF)"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "an image (WebP)"
    return _text(head)


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
