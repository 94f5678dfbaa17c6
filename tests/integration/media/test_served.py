"""Files that this process serves to ffmpeg: the same media, few bytes, and no other readers."""

import http.client
import socket
import threading
import time
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest

from pipeline.core.errors import BadInput, DependencyFailed, LeaseLost
from pipeline.core.stage import Deadline, Source
from pipeline.media import audio, cover, decoding, excerpt, ffmpeg, frames, served
from pipeline.media.excerpt import Excerpt
from pipeline.media.probe import probe
from pipeline.stages.thumbnail import stage as thumbnail
from pipeline.stages.transcode import stage as transcode

from . import clips

MAKERS = (
    clips.plain,
    clips.long_index_first,
    clips.long_matroska,
    clips.long_webm,
    clips.long_transport,
    clips.long_mp3,
    clips.long_flac,
)
NOTHING = Excerpt()


@contextmanager
def far(path, known=NOTHING):
    """Serve a file; yields its address and the blocks."""
    content = path.read_bytes()
    with served.serve(len(content), lambda start, end: content[start:end], known) as found:
        yield found


def pictures(path, found, **part):
    stream = decoding.decoded(
        path, found, "1", size=(80, 44), report=None, threads=1, complaints=None, **part
    )
    return list(stream)


def sound(path, found, **part):
    index = found.audio[0].index
    whole = {"alongside": found.streams, "container": found.container, "chunk_s": 1.0}
    chunks = audio.stream(path, index, **whole, **part)
    return np.concatenate(list(chunks))


@pytest.mark.parametrize("maker", MAKERS)
def test_a_served_file_is_read_like_a_local_one(source, maker):
    path, here = source(maker).path, source(maker).probe
    with far(path) as (address, _):
        there = probe(address)
        assert there == here
        assert (sound(address, there) == sound(path, here)).all()
        if here.video:
            for part in ({}, {"start_s": 3.0, "end_s": 4.5}):
                one, other = pictures(address, there, **part), pictures(path, here, **part)
                assert [frame.time_s for frame in one] == [frame.time_s for frame in other]
                assert all((a.image == b.image).all() for a, b in zip(one, other, strict=True))


def test_a_served_file_is_a_source_of_a_stage(clip):
    path = clip(clips.plain)
    with far(path) as (address, _):
        source = Source(path=address, name="a.mp4", probe=probe(address))
        assert source.path is address
        assert [
            frame.time_s for frame in frames.sample(address, source.probe, fps=1, long_side=64)
        ] == pytest.approx([0, 1, 2, 3, 4], abs=0.1)
        assert cover.read(address, max_width=10, report=None) is None


def test_the_parts_of_a_film_take_hardly_more_bytes_than_the_film(source):
    """Each part is read by a process of its own, which has fetched nothing but its excerpt."""
    path, here = source(clips.five_minutes).path, source(clips.five_minutes).probe
    size = path.stat().st_size
    fetched = requests = 0
    starts = range(0, 300, 60)
    excerpts = excerpt.of(path, here, [(start_s, start_s + 60) for start_s in starts])
    for start_s, known in zip(starts, excerpts, strict=True):
        with far(path, known) as (address, blocks):
            taken = sum(
                1
                for _ in decoding.decoded(
                    address,
                    here,
                    "1",
                    size=(16, 16),
                    report=None,
                    threads=1,
                    complaints=None,
                    start_s=start_s,
                    end_s=start_s + 60,
                )
            )
        assert taken == pytest.approx(600, abs=1)  # the clip is joined
        fetched += blocks.fetched + len(known.packed())
        requests += blocks.requests
    assert fetched <= 1.06 * size
    assert requests < 60


@pytest.mark.parametrize("maker", [clips.five_minutes, clips.five_minutes_matroska])
def test_a_probe_reads_little(clip, maker):
    path = clip(maker)
    with far(path) as (address, blocks):
        probe(address)
    assert blocks.fetched < 0.05 * address.size


# -- errors ----------------------------------------------------------------------------------------


class Failing:
    """A file whose parts after ``limit`` cannot be read."""

    def __init__(self, path, limit, error):
        self.content, self.limit, self.error = path.read_bytes(), limit, error

    def read(self, start, end):
        if end > self.limit:
            raise self.error
        return self.content[start:end]


GONE = BadInput("source_missing", "gone")


@pytest.mark.parametrize("error", [DependencyFailed("short_read", "broken"), GONE, KeyError("x")])
def test_the_error_of_reading_is_raised_and_not_that_of_ffmpeg(source, error):
    path, here = source(clips.five_minutes).path, source(clips.five_minutes).probe
    failing = Failing(path, path.stat().st_size // 2, error)
    with (
        pytest.raises(type(error)) as raised,
        served.serve(len(failing.content), failing.read) as (address, _),
    ):
        for _ in frames.sample(address, here, fps=1, long_side=16):
            pass
    assert raised.value is error


def test_an_error_that_no_program_met_is_raised_at_the_end(source):
    given = source(clips.plain)
    with (
        pytest.raises(KeyError),
        served.serve(1000, Failing(given.path, 0, KeyError()).read) as (address, _),
    ):
        assert frames.at(address, given.probe, 1.0, long_side=16) is None


def test_an_error_of_the_caller_stays(clip):
    failing = Failing(clip(clips.plain), 0, KeyError())

    def lose():
        with served.serve(1000, failing.read) as (address, _):
            with pytest.raises(KeyError):
                probe(address)
            raise LeaseLost

    with pytest.raises(LeaseLost):
        lose()


def test_damage_of_a_served_file_is_reported_as_such_and_without_its_address(clip):
    path = clip(clips.truncated)
    with far(path) as (address, _), pytest.raises(BadInput) as raised:
        ffmpeg.run(ffmpeg.source(address, max_pixels=1 << 20).output("-", format="null"))
    assert raised.value.code == "undecodable"
    assert "127.0.0.1" not in str(raised.value)
    assert urlsplit(address.url).path not in str(raised.value)


# -- scripts that name other files -----------------------------------------------------------------

SCRIPTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {}\n",
    "dash": '<?xml version="1.0"?><MPD type="static" mediaPresentationDuration="PT5S"'
    ' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet>'
    '<Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_served_script_opens_nothing(clip, script, scheme):
    target = clip(clips.plain)
    with far(target) as (secret, blocks):
        text = SCRIPTS[script].format(secret.url if scheme == "http" else f"file:{target}").encode()
        with served.serve(len(text), lambda start, end: text[start:end]) as (address, _):
            with pytest.raises(BadInput):
                ffmpeg.run(ffmpeg.source(address, max_pixels=1 << 20).output("-", format="null"))
            with ffmpeg.probing(address, "-show_format") as child:
                assert b"format_name" not in child.read(1000)
                with pytest.raises(BadInput):
                    ffmpeg.judge(child)
            with pytest.raises(BadInput, match="not_media"):
                probe(address)
    assert blocks.requests == 0


def test_only_what_serving_needs_is_allowed():
    with served.serve(1, lambda *_: b"x") as (address, _):
        guard = ffmpeg.guarded(address)
    assert guard["protocol_whitelist"] == "http,tcp"
    assert guard["format_whitelist"] == ffmpeg.FORMATS


# -- requests of others ----------------------------------------------------------------------------


@pytest.fixture
def door():
    with served.serve(100_000, lambda start, end: bytes(range(256))[:1] * (end - start)) as found:
        yield found


def ask(address, method="GET", path=None, **headers):
    url = urlsplit(address.url)
    link = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
    try:
        link.request(method, path or url.path, headers={k.title(): v for k, v in headers.items()})
        answer = link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        link.close()


def test_the_path_cannot_be_guessed(door):
    address, blocks = door
    paths = {urlsplit(address.url).path}
    with served.serve(1, lambda *_: b"x") as (other, _):
        paths.add(urlsplit(other.url).path)
    assert len(paths) == 2
    assert all(len(path) >= 1 + 128 // 6 for path in paths)  # six bits a character
    secret = urlsplit(address.url).path
    for path in ("/", secret[:-1], f"{secret}/", f"{secret}?a", f"/x/..{secret}", secret.upper()):
        assert ask(address, path=path)[0] == 404
    assert blocks.requests == 0


@pytest.mark.parametrize("host", ["localhost", "evil.example", "127.0.0.1:1", "[::1]"])
def test_a_page_whose_name_leads_here_gets_nothing(door, host):
    address, blocks = door
    assert ask(address, host=host)[0] == 404
    assert blocks.requests == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE"])
def test_nothing_can_be_changed(door, method):
    assert ask(door[0], method)[0] == 405


def test_ranges_are_answered_as_http_says(door):
    address, _ = door
    status, headers, body = ask(address, range="bytes=10-19")
    assert (status, headers["Content-Range"], len(body)) == (206, "bytes 10-19/100000", 10)
    status, headers, body = ask(address, range="bytes=99990-")
    assert (status, headers["Content-Range"], len(body)) == (206, "bytes 99990-99999/100000", 10)
    status, headers, body = ask(address, range="bytes=99990-200000")
    assert (status, headers["Content-Length"], len(body)) == (206, "10", 10)
    status, headers, _ = ask(address, range="bytes=100000-")
    assert (status, headers["Content-Range"]) == (416, "bytes */100000")
    assert ask(address, range="bytes=-5")[0] == 400
    assert ask(address, range="bytes=0-1,5-6")[0] == 400
    status, headers, body = ask(address)
    assert (status, headers["Accept-Ranges"], len(body)) == (200, "bytes", 100_000)
    status, headers, body = ask(address, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "100000", b"")


def test_a_connection_serves_several_requests(door):
    url = urlsplit(door[0].url)
    link = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
    link.connect()
    first = link.sock
    for start in (0, 50, 99_999):
        link.request("GET", url.path, headers={"Range": f"bytes={start}-{start}"})
        assert link.getresponse().read() == b"\0"
        assert link.sock is first
    link.close()


@pytest.mark.parametrize(
    "sent",
    [b"", b"\0" * 20_000, b"GET\r\n\r\n", b"GET / SPDY/3\r\n\r\n", b"A" * 9000 + b"\r\n\r\n"],
)
def test_what_is_no_request_ends_the_connection(door, sent, monkeypatch):
    monkeypatch.setattr(served, "_STRANGER_S", 0.2)
    url = urlsplit(door[0].url)
    with socket.create_connection((url.hostname, url.port), timeout=5) as link:
        try:
            link.sendall(sent)
            assert link.recv(10) == b""
        except ConnectionError:
            pass
    assert ask(door[0])[0] == 200


def test_a_request_of_many_bytes_is_not_read(door):
    assert ask(door[0], x="a" * 4000)[0] == 200
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(door[0], x="a" * 9000)


def test_it_listens_on_loopback_alone(door):
    here = psutil.Process().net_connections("inet")
    port = urlsplit(door[0].url).port
    listening = [one for one in here if one.status == "LISTEN" and one.laddr.port == port]
    assert [one.laddr.ip for one in listening] == ["127.0.0.1"]


def test_connections_are_limited_and_make_way_again(door, monkeypatch):
    monkeypatch.setattr(served, "_STRANGER_S", 60)
    url = urlsplit(door[0].url)
    place = url.hostname, url.port
    idle = [socket.create_connection(place, timeout=20) for _ in range(served._MOST_CONNECTIONS)]
    with socket.create_connection(place, timeout=20) as refused:
        assert refused.recv(1) == b"", "it is closed at once"
    for one in idle:
        one.close()
    monkeypatch.setattr(served, "_STRANGER_S", 0.5)
    idle = [socket.create_connection(place) for _ in range(40)]
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            assert ask(door[0])[0] == 200
            break
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    else:
        pytest.fail("no connection was accepted")
    for one in idle:
        one.close()


def test_a_client_may_read_as_slowly_as_it_likes(monkeypatch):
    monkeypatch.setattr(served, "_STRANGER_S", 0.2)
    content = bytes(8 << 20)  # more than all buffers between both hold
    with served.serve(len(content), lambda start, end: content[start:end]) as (address, _):
        url = urlsplit(address.url)
        with closing(http.client.HTTPConnection(url.hostname, url.port, timeout=20)) as client:
            client.request("GET", url.path)
            answer = client.getresponse()
            got = len(answer.read(1000))
            time.sleep(1)
            assert got + len(answer.read()) == len(content)


def test_a_client_that_leaves_ends_the_fetching():
    with served.serve(1 << 30, lambda start, end: bytes(end - start)) as (address, blocks):
        url = urlsplit(address.url)
        with socket.create_connection((url.hostname, url.port)) as link:
            link.sendall(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
            link.recv(1000)
        time.sleep(0.3)
        assert blocks.fetched < 20 << 20


def test_nothing_is_left_after_the_context():
    before = threading.active_count()
    with served.serve(1 << 30, lambda start, end: bytes(end - start)) as (address, _):
        url = urlsplit(address.url)
        link = socket.create_connection((url.hostname, url.port))
        link.sendall(f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
        idle = socket.create_connection((url.hostname, url.port))
        link.recv(1000)
        assert threading.active_count() > before
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname, url.port))
    link.close()
    idle.close()


@pytest.mark.parametrize("stage", [transcode, thumbnail], ids=["transcode", "thumbnail"])
def test_stages_make_the_same_of_a_served_file(clip, tmp_path, stage):
    """The clip has subtitles, chapters, several sound tracks and keyframes to copy."""
    path = clip(clips.many_tracks)
    results = []
    with far(path) as (address, _):
        for number, place in enumerate((path, address)):
            source = Source(path=place, name="a.mp4", probe=probe(place))
            work = tmp_path / str(number)
            work.mkdir()
            made = stage.run(source, stage.Params(), work, Deadline(120))
            files = sorted((one.name, one.role) for one in made.artifacts)
            results.append((files, made.warnings, made.labels))
    assert results[0] == results[1]
    assert results[0][0]
