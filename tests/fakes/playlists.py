"""A strict check of a CMAF HLS ladder, by ffprobe and by RFC 8216."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx

# A rung's end differs from another's by less than a frame and an AAC packet.
_TOLERANCE_S = 0.1


Get = Callable[[str, slice | None], bytes]
"""A function that returns a file, or the bytes of a slice of it."""


def _download(url: str, span: slice | None) -> bytes:
    headers = {} if span is None else {"Range": f"bytes={span.start}-{span.stop - 1}"}
    answer = httpx.get(url, headers=headers, trust_env=False, timeout=30, follow_redirects=True)
    answer.raise_for_status()
    assert answer.status_code == (200 if span is None else 206)
    return answer.content


def check_ladder(master_url: str, *, duration_s: float, work: Path, get: Get = _download) -> None:
    """Download every playlist and segment and compare them with the playlists' attributes."""
    master = get(master_url, None).decode()
    assert master.startswith("#EXTM3U\n")
    rungs = re.findall(r"#EXT-X-STREAM-INF:(.*)\n(\S+)", master)
    assert rungs, "a master playlist has at least one variant"
    keyframes, counts = {}, set()
    for attributes, uri in rungs:
        given = dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', attributes))
        width, height = map(int, given["RESOLUTION"].split("x"))
        assert "avc1." in given["CODECS"]
        sizes, lengths, path = _segments(urljoin(master_url, uri), work, get)
        counts.add(len(sizes))
        assert abs(sum(lengths) - duration_s) < _TOLERANCE_S, uri
        rates = [8 * size / length for size, length in zip(sizes, lengths, strict=True)]
        # The variant's bandwidths include its audio.
        assert int(given["BANDWIDTH"]) >= max(rates)
        assert int(given["AVERAGE-BANDWIDTH"]) <= int(given["BANDWIDTH"])
        stream = _probe(path, "stream=codec_name,width,height")["streams"][0]
        assert (stream["width"], stream["height"]) == (width, height)
        keyframes[uri] = _keyframes(path)
    assert len(counts) == 1, "all rungs have the same segments"
    assert len({tuple(times) for times in keyframes.values()}) == 1, "rungs switch at keyframes"
    for uri in re.findall(r'#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"', master):
        _, lengths, _ = _segments(urljoin(master_url, uri), work, get)
        assert abs(sum(lengths) - duration_s) < 1.0


def _segments(url: str, work: Path, get: Get) -> tuple[list[int], list[float], Path]:
    """Return sizes in bytes, durations in seconds, and a rendition as one decoded file."""
    playlist = get(url, None).decode()
    lengths = [float(x) for x in re.findall(r"#EXTINF:([0-9.]+)", playlist)]
    target = int(re.findall(r"#EXT-X-TARGETDURATION:(\d+)", playlist)[0])
    assert playlist.rstrip().endswith("#EXT-X-ENDLIST")
    assert all(round(length) <= target for length in lengths)
    path = work / f"{abs(hash(url))}.mp4"
    sizes: list[int] = []
    ends: dict[str, int] = {}
    head, whole, span = b"", b"", None
    for line in playlist.splitlines():
        name, _, value = line.partition(":")
        if name == "#EXT-X-MAP":
            [(uri, size, start)] = re.findall(r'URI="([^"]+)",BYTERANGE="(\d+)@(\d+)"', value)
            span = slice(int(start), int(start) + int(size))
            head = get(urljoin(url, uri), span)
            whole += head
        elif name == "#EXT-X-BYTERANGE":
            size, start = value.split("@")
            span = slice(int(start), int(start) + int(size))
        elif line and not line.startswith("#"):
            assert span is not None
            assert span.start >= ends.get(line, 0), "segments do not overlap"
            ends[line] = span.stop
            body = get(urljoin(url, line), span)
            assert len(body) == span.stop - span.start
            path.write_bytes(head + body)  # each segment separately
            _decode(path)
            sizes.append(len(body))
            whole += body
            span = None
    assert len(sizes) == len(lengths)
    path.write_bytes(whole)
    _decode(path)
    return sizes, lengths, path


def _decode(path: Path) -> None:
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-xerror", "-i", path, "-f", "null", "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def _keyframes(path: Path) -> list[float]:
    found = _probe(path, "packet=pts_time,flags")["packets"]
    return [round(float(one["pts_time"]), 2) for one in found if "K" in one["flags"]]


def _probe(path: Path, entries: str) -> dict[str, list[dict[str, str]]]:
    asked = ("-select_streams", "v", "-show_entries", entries, "-of", "json")
    done = subprocess.run(
        ["ffprobe", "-v", "error", *asked, path],
        capture_output=True,
        timeout=60,
        check=True,
    )
    return dict(json.loads(done.stdout))
