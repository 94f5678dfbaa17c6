"""Playlists, scripts, documents, archives and images with the name of a video."""

import gzip
import io
import random
import zipfile
from collections.abc import Iterator

from benchmarks.hostile.kinds import ACCEPTED, Kind, clip, kind, named

_TEXTS = {
    "hls": "#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "hls-http": "#EXTM3U\n#EXTINF:10,\nhttp://169.254.169.254/latest/meta-data/\n",
    "hls-bom": "\ufeff#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "hls-concat": "#EXTM3U\n#EXTINF:10,\nconcat:file:///etc/hosts|file:///etc/passwd\n",
    "hls-subfile": "#EXTM3U\n#EXTINF:10,\nsubfile,,start,0,end,64,,:/etc/passwd\n",
    "hls-spaces": "   \n\n#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "concat": "ffconcat version 1.0\nfile '/etc/passwd'\n",
    "dash": '<?xml version="1.0"?><MPD><BaseURL>file:///etc/</BaseURL></MPD>',
    "pls": "[playlist]\nFile1=file:///etc/passwd\n",
    "smil": "<smil><body><video src='file:///etc/passwd'/></body></smil>",
    "asx": "<asx version='3.0'><entry><ref href='file:///etc/passwd'/></entry></asx>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    "svg": '<svg xmlns:x="http://www.w3.org/1999/xlink"><image x:href="file:///etc/passwd"/></svg>',
    "html": "<!DOCTYPE html><script>fetch('http://127.0.0.1:4599/')</script>",
    "srt": "1\n00:00:01,000 --> 00:00:02,000\nHello\n",
    "vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n",
    "ass": "[Script Info]\nScriptType: v4.00+\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,,,x\n",
    "ttml": "<tt xmlns='http://www.w3.org/ns/ttml'><body><p begin='1s'>x</p></body></tt>",
    "laughs": "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><l>&b;</l>",
    "json": '{"streams": [{"codec_type": "video"}]}',
    "ansi": "\x1b[2J\x1b[31mtext for terminals\x1b[0m\n" * 50,
    "ffmetadata": ";FFMETADATA1\n[CHAPTER]\nSTART=0\nEND=1\ntitle=x\n",
    "lrc": "[00:01.00]Hello\n" * 20,
}
_IMAGES = {
    "png-bomb": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x06\0\0\0" + bytes(100),
    "gif-bomb": b"GIF89a\xff\xff\xff\xff\xf0\0\0" + b"\x21\xf9\x04\0\0\0\0\0" * 1000,
    "webp-bomb": b"RIFF\xff\xff\xff\x7fWEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff",
    "jpeg-bomb": b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03" + bytes(50),
    "tiff-bomb": b"II*\0\x08\0\0\0" + b"\xff" * 200,
    "avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(100),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\n",
    "postscript": b"%!PS\n(/etc/passwd) (r) file\n",
}
_BINARIES = {
    "zeros": bytes(1 << 20),
    "ones": b"\xff" * (1 << 20),
    "elf": b"\x7fELF\x02\x01\x01" + bytes(4096),
    "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR." + bytes(200),
    "bmp-bomb": b"BM" + b"\xff" * 200,
    "jpeg-xl": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
    "psd": b"8BPS\0\x01\0\0\0\0\0\0\0\x04\0\0\x75\x30\0\0\x75\x30\0\x08\0\x03" + bytes(100),
    "swf": b"FWS\x08" + bytes(500),
    "sqlite": b"SQLite format 3\0" + bytes(4096),
    "late-playlist": bytes(5000) + _TEXTS["hls"].encode(),
    "sync-playlist": b"\x47" + _TEXTS["hls"].encode() * 40,
}


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(50_000_000))
    return out.getvalue()


def _polyglots() -> Iterator[Kind]:
    yield kind("zip-in-mp4", ACCEPTED, lambda: clip("mp4") + _zipped())
    yield kind("html-in-mp4", ACCEPTED, lambda: clip("mp4") + _TEXTS["html"].encode())
    yield kind("ftyp-playlist", "unreadable truncated", lambda: _ftyp() + _TEXTS["hls"].encode())
    yield kind("mp4-in-mkv", ACCEPTED, lambda: clip("mkv") + clip("mp4"))
    yield kind("mp3-in-wav", ACCEPTED, lambda: clip("wav") + clip("mp3"))
    yield kind("script-in-ts", ACCEPTED, lambda: clip("ts") + _TEXTS["concat"].encode() * 100)


def _ftyp() -> bytes:
    return b"\0\0\0\x14ftypisom\0\0\x02\0isom"


def all_kinds() -> Iterator[Kind]:
    """Yield the kinds."""
    yield kind("empty", "empty_file", bytes)
    yield kind("one-byte", "not_media unreadable", lambda: b"\0")
    yield kind("zip-bomb", "not_media", _zipped)
    yield kind("gzip-bomb", "not_media", lambda: gzip.compress(bytes(50_000_000), mtime=0))
    noise = random.Random(1)  # noqa: S311 - seeded, so that files repeat
    yield kind("noise", "unreadable", lambda: noise.randbytes(1 << 20))
    for name, text in _TEXTS.items():
        yield kind(f"text-{name}", "not_media unreadable", text.encode)
    for name, content in _IMAGES.items():
        yield kind(f"image-{name}", "not_media unreadable", lambda content=content: content)
    for name, content in _BINARIES.items():
        yield kind(
            f"binary-{name}",
            "unreadable not_media no_streams no_packets",
            lambda content=content: content,
        )
    yield from named("polyglot", _polyglots())
