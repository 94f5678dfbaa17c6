"""Decoded sound as arrays: what speech models want, in pieces, on the file's own timeline."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import BadInput
from pipeline.core.progress import Report
from pipeline.media import ffmpeg
from pipeline.media.process import Complaints

if TYPE_CHECKING:
    import numpy as np

SAMPLE_RATE = 16_000
_PIXELS = 1 << 26  # above what probe.Limits lets pass


def stream(
    path: Path,
    audio_stream_index: int,
    *,
    alongside: Iterable[int] = (),
    chunk_s: float = 30.0,
    report: Report | None = None,
    threads: int | None = None,
    complaints: Complaints | None = None,
) -> Iterator["np.ndarray"]:
    """Yield an audio track as 16 kHz mono in pieces of ``chunk_s`` seconds.

    Sample ``n`` of the whole is heard at ``n / SAMPLE_RATE`` seconds on the file's timeline (see
    ``streams.VideoStream``), the one that frame times are on: a late start and gaps are filled with
    silence. Memory does not grow with the length.

    Args:
        path: a local file that ``probe.probe`` accepted.
        audio_stream_index: ``AudioStream.index``.
        alongside: the file's other streams (``Probe.streams``): those that frames are read with.
        chunk_s: length of a piece; the last one is shorter.
        report: its deadline limits the decoding. The caller reports progress.
        threads: decoder and filter threads; see ``ffmpeg``.
        complaints: takes up the decoder's error lines; not empty at the end if the media is
            damaged.

    Yields:
        float32 in [-1, 1], [samples]; read-only.

    Raises:
        BadInput: ``undecodable`` when no sound at all could be decoded.
        VideodropError: see ``ffmpeg.judge``.
    """
    import numpy as np  # noqa: PLC0415 - see ffmpeg.source()

    # ffmpeg decodes a first picture to learn of the streams, and complains of one above the cap.
    sound = ffmpeg.source(path, max_pixels=_PIXELS, threads=threads)
    track = sound[str(audio_stream_index)]
    node = track.filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0}).output(
        "pipe:1", format="f32le", ac=1
    )
    size = round(chunk_s * SAMPLE_RATE) * 4
    node = ffmpeg.on_whole_clock(node, sound, {audio_stream_index, *alongside})
    with ffmpeg.pipe(node, report=report, threads=threads) as child:
        heard_any = False
        while piece := child.read(size):
            heard_any = True
            yield np.frombuffer(piece[: len(piece) // 4 * 4], np.float32)
        said = ffmpeg.judge(child)
        if complaints is not None:
            complaints.merge(said)
        if not heard_any:
            raise BadInput("undecodable", "The sound of the file could not be decoded.")
