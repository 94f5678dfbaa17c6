"""Decoded audio as arrays for speech models, in chunks on the file's timeline."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.progress import Report
from pipeline.media import downmix, ffmpeg, seeking
from pipeline.media.process import Complaints

if TYPE_CHECKING:
    import numpy as np

SAMPLE_RATE = 16_000
_PIXELS = 1 << 26  # above the default of probe.Limits
_RESAMPLED_S = 1  # a resampler's memory is much shorter
_SETTLED_S = 1  # that of decoders too


def stream(
    path: Location,
    audio_stream_index: int,
    *,
    alongside: Iterable[int] = (),
    container: str = "",
    time_base: str = "0",
    discrete: int | None = None,
    chunk_s: float = 30.0,
    start_s: float = 0.0,
    end_s: float | None = None,
    report: Report | None = None,
    threads: int | None = None,
    complaints: Complaints | None = None,
) -> Iterator["np.ndarray"]:
    """Yield an audio track, or a part of it, as 16 kHz mono in chunks of ``chunk_s`` seconds.

    Sample ``n`` of the track plays at ``n / SAMPLE_RATE`` seconds on the file's timeline (see
    ``media_info.VideoStream``), which frame times use too. Silence fills a late start and gaps.
    Memory does not grow with the duration. Channels are mixed by energy; see ``downmix``.

    A part begins with sample ``start_s * SAMPLE_RATE`` and is decoded from shortly before it, or
    from the beginning of a file that ``seeking.possible`` says no of. Codecs with noise of their
    own (AAC, AC-3) and those with a memory (Opus) then give samples that differ inaudibly from
    those of one pass. Equal arguments give equal samples.

    Args:
        path: a file that ``probe.probe`` accepted.
        audio_stream_index: ``AudioStream.index``.
        alongside: all streams of the file (``Probe.streams``), the same as for frames.
        container: of the file (``Probe.container``).
        time_base: of the track (``AudioStream.time_base``).
        discrete: number of its channels if they have no layout; all of them are then heard alike.
        chunk_s: duration of a chunk; the last one is shorter.
        start_s: start of the part, seconds.
        end_s: its end; None for the end of the track, before which a part may end too.
        report: its deadline limits the decoding. The caller reports progress.
        threads: decoder and filter threads; see ``ffmpeg``.
        complaints: collects the decoder's error lines; not empty at the end if the media is
            damaged.

    Yields:
        float32, [samples]; the loudest channel is in [-1, 1].

    Raises:
        BadInput: ``undecodable`` when no audio of the file could be decoded.
        VideodropError: see ``ffmpeg.judge``.
    """
    import numpy as np  # noqa: PLC0415 - see ffmpeg.source()

    chunk = round(chunk_s * SAMPLE_RATE)
    part = _Part.of(path, container, audio_stream_index, time_base, start_s, end_s, chunk)
    # ffmpeg decodes a first frame to read the streams, and reports an error for one above the cap.
    sound = ffmpeg.source(
        path,
        max_pixels=_PIXELS,
        threads=threads,
        **seeking.options(part.begin_s - _SETTLED_S),
    )
    track = part.trimmed(sound[str(audio_stream_index)]).filter(
        "aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0}
    )
    if discrete:
        count, mixer = discrete, downmix.Downmix((0.5,) * discrete)
        node = track.output("pipe:1", format="f32le", ac=count)
    else:
        count, mixer = len(downmix.WEIGHTS), downmix.Downmix()
        track = track.filter("aformat", sample_fmts="fltp", channel_layouts=downmix.LAYOUT)
        node = track.output("pipe:1", format="f32le")
    frame = 4 * count
    if part.begin_s:
        node = node.global_args(*seeking.ONE_CLOCK)
    else:
        node = ffmpeg.on_whole_clock(node, sound, {audio_stream_index, *alongside})
    with ffmpeg.pipe(node, report=report, threads=threads) as child:
        for done in range(0, part.before, SAMPLE_RATE):
            child.read(min(SAMPLE_RATE, part.before - done) * frame)
        at, heard_any = part.at, False
        while not part.ends(at) and (piece := child.read(chunk * frame)):
            heard_any = True
            whole = len(piece) // frame * frame
            mixed = mixer.mix(np.frombuffer(piece[:whole], np.float32).reshape(-1, count))
            if len(wanted := part.of_chunk(mixed, at)):
                yield wanted
            at += len(mixed)
        if not part.ends(at):  # at the end of a part, ffmpeg is still at work
            ffmpeg.judge(child)
    if complaints is not None:
        complaints.merge(child.complaints)  # all of them are here now
    if not heard_any and not part.first:
        raise BadInput("undecodable", "The sound of the file could not be decoded.")


class _Part(NamedTuple):
    """The part of a track to yield, in samples of the output.

    Attributes:
        first: its first sample.
        last: the sample after it; None for the end of the track.
        at: where its first chunk begins. Chunks are those of one pass, since they are mixed alone.
        begin_s: where the resampler begins: whole seconds have a whole number of samples at every
            rate, so it has the same phase as in one pass. 0 for the beginning of the file.
        snap: the expression of exact times; see ``seeking.snapped``.
    """

    first: int
    last: int | None
    at: int
    begin_s: int
    snap: str | None

    @classmethod
    def of(
        cls,
        path: Location,
        container: str,
        index: int,
        time_base: str,
        start_s: float,
        end_s: float | None,
        chunk: int,
    ) -> Self:
        first = round(start_s * SAMPLE_RATE)
        at = first // chunk * chunk
        begin_s = at // SAMPLE_RATE - _RESAMPLED_S
        begin_s = begin_s if begin_s > _SETTLED_S and seeking.possible(path, container) else 0
        return cls(
            first,
            None if end_s is None else round(end_s * SAMPLE_RATE),
            at,
            begin_s,
            seeking.snapped(path, index, time_base) if begin_s else None,
        )

    @property
    def before(self) -> int:
        """Return the number of samples that ffmpeg gives before the first chunk."""
        return self.at - self.begin_s * SAMPLE_RATE

    def trimmed(self, track: Any) -> Any:
        """Return a track of ffmpeg-python from ``begin_s`` on, where its time is 0."""
        if not self.begin_s:
            return track
        if self.snap:
            track = track.filter("asetpts", self.snap)
        return track.filter("atrim", start=self.begin_s).filter("asetpts", f"PTS-{self.begin_s}/TB")

    def ends(self, at: int) -> bool:
        """Return whether all of the part was yielded when the sample ``at`` is next."""
        return self.last is not None and at >= self.last

    def of_chunk(self, chunk: "np.ndarray", at: int) -> "np.ndarray":
        """Return what belongs to the part of a chunk whose first sample is ``at``."""
        return chunk[max(0, self.first - at) : None if self.last is None else self.last - at]
