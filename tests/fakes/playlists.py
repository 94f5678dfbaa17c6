"""A strict check of a CMAF HLS ladder, by ffprobe and by RFC 8216."""

import json
import os
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
    keyframes, counts, files = {}, set(), []
    for attributes, uri in rungs:
        given = dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', attributes))
        width, height = map(int, given["RESOLUTION"].split("x"))
        assert "avc1." in given["CODECS"]
        sizes, lengths, (path, *alone) = _segments(urljoin(master_url, uri), work, get)
        files += [path, *alone]
        counts.add(len(sizes))
        assert abs(sum(lengths) - duration_s) < _TOLERANCE_S, uri
        rates = [8 * size / length for size, length in zip(sizes, lengths, strict=True)]
        # The variant's bandwidths include its audio.
        assert int(given["BANDWIDTH"]) >= max(rates)
        assert int(given["AVERAGE-BANDWIDTH"]) <= int(given["BANDWIDTH"])
        found = _probe(path, "stream=width,height:packet=pts_time,flags")
        (stream,) = found["streams"]
        assert (stream["width"], stream["height"]) == (width, height)
        keyframes[uri] = [
            round(float(one["pts_time"]), 2) for one in found["packets"] if "K" in one["flags"]
        ]
    assert len(counts) == 1, "all rungs have the same segments"
    assert len({tuple(times) for times in keyframes.values()}) == 1, "rungs switch at keyframes"
    for uri in re.findall(r'#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"', master):
        _, lengths, heard = _segments(urljoin(master_url, uri), work, get)
        files += heard
        assert abs(sum(lengths) - duration_s) < 1.0
    _decode(files)


def _segments(url: str, work: Path, get: Get) -> tuple[list[int], list[float], list[Path]]:
    """Return sizes in bytes and durations in seconds, and write files.

    The first one has the whole rendition, each other one a segment alone.
    """
    playlist = get(url, None).decode()
    lengths = [float(x) for x in re.findall(r"#EXTINF:([0-9.]+)", playlist)]
    target = int(re.findall(r"#EXT-X-TARGETDURATION:(\d+)", playlist)[0])
    assert playlist.rstrip().endswith("#EXT-X-ENDLIST")
    assert all(round(length) <= target for length in lengths)
    files = [work / f"{abs(hash(url))}.mp4"]
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
            files.append(files[0].with_suffix(f".{len(files)}.mp4"))
            files[-1].write_bytes(head + body)
            sizes.append(len(body))
            whole += body
            span = None
    assert len(sizes) == len(lengths)
    files[0].write_bytes(whole)
    return sizes, lengths, files


def _decode(paths: list[Path]) -> None:
    """Decode all files in one process: its start takes longer than the decoding."""
    given = [word for path in paths for word in ("-threads", "1", "-i", str(path))]
    maps = [word for number in range(len(paths)) for word in ("-map", str(number))]
    command = ("ffmpeg", "-v", "error", "-nostdin", "-xerror")
    done = subprocess.run(
        # Not the null muxer, which takes equal times after rounding for errors.
        [*command, *given, *maps, "-f", "framecrc", "-y", os.devnull],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def _probe(path: Path, entries: str) -> dict[str, list[dict[str, str]]]:
    asked = ("-select_streams", "v", "-show_entries", entries, "-of", "json")
    done = subprocess.run(
        ["ffprobe", "-v", "error", *asked, path],
        capture_output=True,
        timeout=60,
        check=True,
    )
    return dict(json.loads(done.stdout))
