import pytest

from pipeline.media.sniff import describe


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "playlist"),
        (b"\xef\xbb\xbf\n #EXTM3U\n", "playlist"),
        (b"ffconcat version 1.0\nfile a\n", "concat"),
        (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash">', "DASH"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"GIF89a\0\0", "GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"PK\x03\x04\0\0", "ZIP"),
        (b"Dear all,\r\n", "text"),
        ("Grüße ".encode() * 400, "text"),
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
