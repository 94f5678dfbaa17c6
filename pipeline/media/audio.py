"""Decoded audio as arrays for speech models, in chunks on the file's timeline."""

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
_PIXELS = 1 << 26  # above the default of probe.Limits


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
    """Yield an audio track as 16 kHz mono in chunks of ``chunk_s`` seconds.

    Sample ``n`` of the track plays at ``n / SAMPLE_RATE`` seconds on the file's timeline (see
    ``media_info.VideoStream``), which frame times use too. Silence fills a late start and gaps.
    Memory does not grow with the duration.

    Args:
        path: a local file that ``probe.probe`` accepted.
        audio_stream_index: ``AudioStream.index``.
        alongside: all streams of the file (``Probe.streams``), the same as for frames.
        chunk_s: duration of a chunk; the last one is shorter.
        report: its deadline limits the decoding. The caller reports progress.
        threads: decoder and filter threads; see ``ffmpeg``.
        complaints: collects the decoder's error lines; not empty at the end if the media is
            damaged.

    Yields:
        float32 in [-1, 1], [samples]; read-only.

    Raises:
        BadInput: ``undecodable`` when no audio could be decoded.
        VideodropError: see ``ffmpeg.judge``.
    """
    import numpy as np  # noqa: PLC0415 - see ffmpeg.source()

    # ffmpeg decodes a first frame to read the streams, and reports an error for one above the cap.
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
