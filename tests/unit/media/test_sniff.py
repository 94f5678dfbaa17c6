import pytest

from pipeline.media.sniff import describe, elementary

IMAGES = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "playlist"),
        (b"\xef\xbb\xbf\n #EXTM3U\n", "playlist"),
        (b"ffconcat version 1.0\nfile a\n", "concat"),
        (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash">', "DASH"),
        (b"[playlist]\nFile1=a\n", "PLS"),
        (b"<smil><body>", "SMIL"),
        (b'<asx version="3.0">', "ASX"),
        (b"<!DOCTYPE html><body>", "web page"),
        (b"<html><body>", "web page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"GIF89a\0\0", "GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        *((b"\0\0\0\x1cftyp" + brand + bytes(4), "AVIF or HEIF") for brand in IMAGES),
        (b"%PDF-1.7\n\xe2\xe3", "PDF"),
        (b"%!PS-Adobe-3.0\n", "PostScript"),
        (b"PK\x03\x04\0\0", "ZIP"),
        (b"\x1f\x8b\x08\0\0\0", "gzip"),
        (b"Dear all,\r\n", "text"),
        (b"Dear " + "Grüße ".encode() * 600, "text"),
    ],
)
def test_a_file_that_is_not_media_is_named(tmp_path, content, name):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert name in describe(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\x20ftypisom\0\0\0\0",
        b"\x1aE\xdf\xa3\x01\0\0",
        b"RIFF\0\0\0\0AVI LIST",
        b"\xff\xfb\x90\x00",
    ],
)
def test_media_is_left_to_the_demuxers(tmp_path, content):
    path = tmp_path / "clip.txt"
    path.write_bytes(content)
    assert describe(path) is None


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        (b"\0\0\0\1\x67\x64\0\x1f", "H.264"),
        (b"\0\0\0\1\x09\xf0\0\0\0\1\x67", "H.264"),
        (b"\0\0\1\x06\x05\xff", "H.264"),
        (b"\0\0\1\x61\x9a\x24", "H.264"),  # cut in the middle
        (b"\0\0\0\1\x40\1\x0c\1", "HEVC"),
        (b"\0\0\0\1\x46\1\x10", "HEVC"),
        (b"\0\0\1\x02\1\xd0", "HEVC"),
        (b"\0\0\0\1\0\x79\0\x8d", "VVC"),
        (b"\0\0\1\xb3\x14\0\xf0", "MPEG-2"),
        (b"\0\0\1\xb0\1\0\0\1\xb5", "MPEG-4"),
        (b"\0\0\1\0\0\0\1\x20", "MPEG-4"),
        (b"\0\0\1\x0f\xc0", "VC-1"),
        (b"\x12\0\x0a\x0b\0\0\0\x42", "AV1"),
    ],
)
def test_an_elementary_stream_is_named(tmp_path, content, codec):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content + bytes(range(200, 256)))
    assert elementary(path) == codec
    assert describe(path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\1\xba\x44\0\4\0",  # a program stream
        b"\0\0\0\1mdat\0\0\0\0",  # a box with a 64-bit size
        b"\0\0\0\x20ftypisom\0\0\0\0",
        b"\x47\x40\x11\x10",
        b"",
    ],
)
def test_a_container_is_not_an_elementary_stream(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert elementary(path) is None
