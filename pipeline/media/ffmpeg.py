"""The only module that runs ffmpeg and ffprobe. It restricts input, resources and run time.

Input is always one local regular file, opened through the ``file:`` protocol, or one file that this
process serves on loopback (``served``), opened through ``http``; in both cases by a demuxer of real
media. Both whitelists matter: playlists and concat scripts (HLS, DASH, ffconcat) named ``.mp4``
read other files through the same protocol. ffmpeg exits 0 on damaged data, so its error lines are
counted and returned to the caller.

``threads`` is, here and in the modules above, the number of decoder, filter and encoder threads.
The default is the number of CPUs that this process may run on, at most ``OMP_NUM_THREADS`` when
that is set. Hosts set it to limit a stage to its share.
"""

import os
import selectors
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

from pipeline.core.errors import InvalidArgument, MissingDependency, TimedOut
from pipeline.core.location import Address, Location
from pipeline.core.progress import Report
from pipeline.media.failures import error_of
from pipeline.media.process import Caps, Child, Complaints

# Containers that contain their media: no playlists, no scripts, no images, no devices.
FORMATS = (
    "mov,matroska,avi,flv,asf,mpegts,mpeg,mxf,ogg,rm,nut,ivf,dv,wtv,gxf,"
    "wav,w64,mp3,aac,flac,ac3,eac3,aiff,au,caf,amr,wv,ape"
)
# ffmpeg catches SIGXCPU, the only such signal that our limits cause, and exits with this status.
_STOPPED_BY_SIGNAL = 255
# Of a file that this process serves. Its server redirects nowhere, and children have no proxies.
_SERVED = {
    "protocol_whitelist": "http,tcp",
    "seekable": "1",
    "multiple_requests": "1",
    "icy": "0",
    "recv_buffer_size": str(16 << 10),  # what is in it was fetched, and may not be read
    "rw_timeout": str(600 * 1_000_000),  # the server's own limits are shorter
}
_addresses: WeakValueDictionary[str, Address] = WeakValueDictionary()
# A busy machine may take long to do little, so CPU time is what limits these.
_PROBING = Caps(wall_s=600, cpu_s=60, memory_bytes=1024**3)
_ASKING = Caps(wall_s=300, cpu_s=20)
_QUIET = ("-hide_banner", "-loglevel", "repeat+level+error")


@dataclass(frozen=True)
class Progress:
    """The progress of a run within its stage: ``report`` receives from ``start`` to ``end``.

    Attributes:
        report: receives the fractions.
        duration_s: of the media to process.
        start: fraction at the beginning.
        end: fraction at the end.
        begin_s: time of the media where the processing begins.
    """

    report: Report
    duration_s: float
    start: float = 0.0
    end: float = 1.0
    begin_s: float = 0.0

    def at(self, time_s: float) -> None:
        """Report that the media is processed up to ``time_s``."""
        passed_s = time_s - self.begin_s
        done = min(1.0, max(0.0, passed_s / self.duration_s)) if self.duration_s > 0 else 0.0
        self.report(self.start + (self.end - self.start) * done)


def thread_count(threads: int | None = None) -> int:
    """Return ``threads`` if given, else this process's share of the CPUs (see the module)."""
    if threads is not None:
        return threads
    share = len(os.sched_getaffinity(0))
    pinned = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(share, int(pinned))) if pinned.isdigit() else share


def guarded(path: Location) -> dict[str, str]:
    """Return the input options that every run must use, ``filename`` included.

    Raises:
        InvalidArgument: ``not_a_file``: not a regular file.
    """
    if isinstance(path, Address):
        _addresses[path.url] = path
        return {"filename": path.url, "format_whitelist": FORMATS, **_SERVED}
    if not path.is_file():
        raise InvalidArgument("not_a_file", "There is no regular file to read.")
    return {
        "filename": f"file:{path.resolve()}",
        "protocol_whitelist": "file",
        "format_whitelist": FORMATS,
    }


def source(path: Location, *, max_pixels: int, threads: int | None = None, **options: Any) -> Any:
    """Return an ffmpeg-python input node with the options of ``guarded``.

    Args:
        path: a local regular file, or one that is served.
        max_pixels: larger frames are not decoded, whatever size the header gives.
        threads: decoder threads.
        **options: further input options (``ss``, ``skip_frame``, …).
    """
    import ffmpeg  # noqa: PLC0415 - stage modules import nothing heavy before they run

    return ffmpeg.input(
        **guarded(path), max_pixels=max_pixels, threads=thread_count(threads), **options
    )


def on_whole_clock(node: Any, given: Any, streams: Iterable[int]) -> Any:
    """Add a discarded output of all ``streams`` of ``given``, so that all runs have one clock.

    ffmpeg counts the time of a transport stream from the first of the mapped streams, and
    corrects clock jumps by them. With the same streams mapped in every run, audio of one run and
    frames of another stay synchronous.
    """
    import ffmpeg  # noqa: PLC0415 - see source()

    tracks = [given[str(index)] for index in streams]
    # Not the null muxer, which reports an error for every timestamp that does not rise.
    aside = ffmpeg.output(*tracks, os.devnull, format="framecrc", c="copy")
    return ffmpeg.merge_outputs(node, aside)


def run(
    node: Any,
    *,
    progress: Progress | None = None,
    caps: Caps = Caps(),  # noqa: B008 - frozen
    threads: int | None = None,
) -> Complaints:
    """Run an ffmpeg-python output node to its end.

    Args:
        node: one output, or several merged, all to files.
        progress: receives reports about once a second; its deadline limits the run as well.
        caps: limits on the child process.
        threads: filter threads.

    Returns:
        ffmpeg's error lines; not empty when the media is damaged, although the run succeeded.

    Raises:
        VideodropError: those of ``judge``, and all errors of ``progress.report``.
    """
    argv = [*_argv(node, threads), "-progress", "pipe:1", "-nostats"]
    with _start(argv, _within(caps, progress), threads) as child:
        if progress:
            _follow(child, progress)
        else:
            child.stdout.read()
        return judge(child)


@contextmanager
def pipe(
    node: Any,
    *,
    report: Report | None = None,
    caps: Caps = Caps(),  # noqa: B008 - frozen
    threads: int | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[Child]:
    """Run an ffmpeg-python output node that writes to ``pipe:1`` while the caller reads it.

    ffmpeg blocks while the caller does not read, so memory stays constant. Call ``judge`` at the
    end of the output. Leaving the context early kills ffmpeg.
    """
    with _start(_argv(node, threads), _within(caps, report), threads, pass_fds) as child:
        yield child


@contextmanager
def probing(path: Location, *options: str, caps: Caps = _PROBING) -> Iterator[Child]:
    """Run ffprobe on ``path``; the caller reads its output and then calls ``judge``."""
    guard = guarded(path)
    name = guard.pop("filename")
    flags = [word for key, value in guard.items() for word in (f"-{key}", value)]
    with _start(["ffprobe", *_QUIET, *flags, *options, "-i", name], caps, 1) as child:
        yield child


@cache
def version() -> str:
    """Return the version that ffmpeg prints, e.g. ``5.1.9-0+deb12u1``."""
    with _start(["ffmpeg", "-version"], _ASKING, 1) as child:
        said = child.read(1 << 16).decode("utf-8", "replace")
        judge(child)
    return said.removeprefix("ffmpeg version ").partition(" ")[0]


def works(*argv: str) -> bool:
    """Return whether ``ffmpeg argv…``, a constant command without an input file, succeeds."""
    command = ["ffmpeg", *_QUIET, "-nostdin", *argv]
    with _start(command, _ASKING, 1) as child:
        child.stdout.read()
        return child.wait() == 0


def judge(child: Child) -> Complaints:
    """Wait for the child process and convert its failure to a ``VideodropError``.

    Raises:
        Exception: the first error of reading a served file, since ffmpeg only says that the
            connection broke, or nothing.
        TimedOut: ``deadline``: that of the run; ``media_time``: the child's own limit.
        OutOfMemory: ``media_memory``.
        LimitExceeded: ``output_too_large``.
        DependencyFailed: ``disk_full`` or ``ffmpeg_killed``.
        MissingDependency: ``ffmpeg_broken`` or ``ffmpeg_build``.
        BadInput: ``decoder_crashed`` or ``undecodable``.
    """
    status = child.wait()
    for word in child.argv:
        if address := _addresses.get(word):
            address.check()
    if child.expired or status in (_STOPPED_BY_SIGNAL, -signal.SIGXCPU):
        raise _out_of_time(child.caps)
    if status != 0:
        raise error_of(status, str(child.complaints))
    return child.complaints


def _out_of_time(caps: Caps) -> TimedOut:
    if caps.of_run:
        return TimedOut("deadline", "Processing the media did not end in the time allowed.")
    return TimedOut(
        "media_time",
        f"Reading the file took more than {caps.cpu_s or caps.wall_s:.0f} s, which no intact file "
        "needs: it is damaged or crafted. Convert it, or upload another copy.",
    )


def _argv(node: Any, threads: int | None) -> list[str]:
    import ffmpeg  # noqa: PLC0415 - see source()

    program, *rest = ffmpeg.compile(node, overwrite_output=True)
    count = str(thread_count(threads))
    pools = ("-filter_threads", count, "-filter_complex_threads", count)
    return [program, *_QUIET, "-nostdin", *pools, *rest]


def _within(caps: Caps, limit: "Progress | Report | None") -> Caps:
    if limit is None:
        return caps
    report = limit.report if isinstance(limit, Progress) else limit
    return replace(caps, wall_s=min(caps.wall_s, report.remaining()), of_run=True)


def _start(
    argv: Sequence[str], caps: Caps, threads: int | None, pass_fds: Sequence[int] = ()
) -> Child:
    served = [address for word in argv if (address := _addresses.get(word))]

    def waited() -> float:
        # A program that waits for S3 does not take long itself. The time of a run counts all.
        return 0.0 if caps.of_run else sum(address.waited() for address in served)

    try:
        return Child(argv, caps, pass_fds=pass_fds, cores=thread_count(threads), waited=waited)
    except FileNotFoundError:
        raise MissingDependency(
            "ffmpeg_missing",
            f"{argv[0]} is not installed. On Debian or Ubuntu: sudo apt-get install ffmpeg",
        ) from None


def _follow(child: Child, progress: Progress) -> None:
    """Report progress until stdout ends.

    Report once a second even when ffmpeg is silent, because ``report`` raises when the run is to
    stop.
    """
    time_s, rest = 0.0, b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=1.0):
                data = child.stdout.read(65536)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    key, _, value = line.partition(b"=")
                    if key == b"out_time_us" and value.strip().lstrip(b"-").isdigit():
                        time_s = int(value) / 1e6
            progress.at(time_s)
