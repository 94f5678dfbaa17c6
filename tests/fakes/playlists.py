"""A strict check of a CMAF HLS ladder, by ffprobe and by RFC 8216."""

import json
import re
import subprocess
from pathlib import Path
from urllib.parse import urljoin

import httpx

# A rung's end differs from another's by less than a frame and an AAC packet.
_TOLERANCE_S = 0.1


def check_ladder(master_url: str, *, duration_s: float, work: Path) -> None:
    """Download every playlist and segment and compare them with the playlists' attributes."""
    master = _get(master_url).decode()
    assert master.startswith("#EXTM3U\n")
    rungs = re.findall(r"#EXT-X-STREAM-INF:(.*)\n(\S+)", master)
    assert rungs, "a master playlist has at least one variant"
    keyframes, counts = {}, set()
    for attributes, uri in rungs:
        given = dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', attributes))
        width, height = map(int, given["RESOLUTION"].split("x"))
        assert "avc1." in given["CODECS"]
        sizes, lengths, path = _segments(urljoin(master_url, uri), work)
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
        _, lengths, _ = _segments(urljoin(master_url, uri), work)
        assert abs(sum(lengths) - duration_s) < 1.0


def _segments(url: str, work: Path) -> tuple[list[int], list[float], Path]:
    """Return sizes in bytes, durations in seconds, and a rendition as one decoded file."""
    playlist = _get(url).decode()
    lengths = [float(x) for x in re.findall(r"#EXTINF:([0-9.]+)", playlist)]
    target = int(re.findall(r"#EXT-X-TARGETDURATION:(\d+)", playlist)[0])
    assert playlist.rstrip().endswith("#EXT-X-ENDLIST")
    assert all(round(length) <= target for length in lengths)
    [init] = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', playlist)
    uris = [line for line in playlist.splitlines() if line and not line.startswith("#")]
    assert len(uris) == len(lengths)
    head = _get(urljoin(url, init))
    bodies = [_get(urljoin(url, uri)) for uri in uris]
    path = work / f"{abs(hash(url))}.mp4"
    for body in bodies:  # each segment separately
        path.write_bytes(head + body)
        _decode(path)
    path.write_bytes(head + b"".join(bodies))
    _decode(path)
    return [len(body) for body in bodies], lengths, path


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


def _get(url: str) -> bytes:
    answer = httpx.get(url, trust_env=False, timeout=30, follow_redirects=True)
    answer.raise_for_status()
    return answer.content
