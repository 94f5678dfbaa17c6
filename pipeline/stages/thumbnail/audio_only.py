"""Pictures of sound without video: cover art or a waveform, and a strip for the timeline."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from pipeline.core.ranges import Part, Work
from pipeline.core.stage import Artifact, Report, Source
from pipeline.media import audio, cover, tracks
from pipeline.media.decoding import Frame
from pipeline.media.process import Complaints
from pipeline.stages.thumbnail import waveform

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

STRIP = Artifact(name="waveform.png", media_type="image/png", role="waveform")
_STEREO = 2
_WIDTH, _HEIGHT = 1800, 120  # largest of the strip, in pixels


class Heard(BaseModel):
    """The measured levels of a sound: the data of its part.

    Attributes:
        file: ``waveform.Levels`` as rows of an array of NumPy.
        errors: number of the decoder's error lines.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    errors: int


@dataclass(frozen=True)
class Pictures:
    """The pictures of a sound.

    Attributes:
        poster: the cover art if there is any, else the waveform.
        of: which of the two it is.
        strip: width and height of the strip.
    """

    poster: Frame
    of: Literal["cover", "waveform"]
    strip: tuple[int, int]


def measure(source: Source, work: Work, report: Report) -> Part:
    """Measure the levels of a file without video.

    Raises:
        BadInput: ``undecodable``.
    """
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

    complaints = Complaints()
    samples = round(source.probe.duration_s * audio.SAMPLE_RATE)
    parts = max(1, min(_WIDTH, samples))
    levels = waveform.measure(_chunks(source, samples, report, complaints), samples, parts)
    heard = Heard(file=f"{work.tag}.npy", errors=complaints.count)
    np.save(work.folder / heard.file, np.stack(levels), allow_pickle=False)
    return Part(interim=(heard.file,), data=heard.model_dump(mode="json"))


def draw(source: Source, measured: Path, work: Path, report: Report, *, width: int) -> Pictures:
    """Write the strip below ``work``, and return the poster.

    Args:
        source: a file without video.
        measured: the file of ``Heard``.
        work: the output directory.
        report: its deadline limits the decoding of cover art.
        width: largest width of the poster.
    """
    import numpy as np  # noqa: PLC0415 - as above

    levels = waveform.Levels(*np.load(measured, allow_pickle=False))
    strip = waveform.strip(levels, _HEIGHT)
    strip.save(work / STRIP.name, optimize=True)
    art = cover.read(source.path, max_width=width, report=report)
    image = np.asarray(waveform.poster(levels, width)) if art is None else art
    of: Literal["cover", "waveform"] = "waveform" if art is None else "cover"
    return Pictures(Frame(0.0, image), of, strip.size)


def _chunks(
    source: Source, samples: int, report: Report, complaints: Complaints
) -> "Iterator[np.ndarray]":
    """Yield the sound of the track that plays by default."""
    done = 0
    track = tracks.ordered(source.probe.audio)[0]
    for chunk in audio.stream(
        source.path,
        track.index,
        alongside=source.probe.streams,
        discrete=track.channels if track.layout is None and track.channels > _STEREO else None,
        report=report,
        complaints=complaints,
    ):
        yield chunk
        done += len(chunk)
        report(min(1.0, done / max(1, samples)))
