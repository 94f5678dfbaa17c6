"""Typed records of a media file: its tracks and duration, and the limits on both."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_HDR: dict[str, Literal["pq", "hlg"]] = {"smpte2084": "pq", "arib-std-b67": "hlg"}


class Record(BaseModel):
    """A frozen model."""

    model_config = ConfigDict(frozen=True)


class VideoStream(Record):
    """The video track that is shown.

    Times are seconds on the file's timeline, whose 0 is the start of its earliest stream. Players
    and all results of the pipeline use the same timeline.
    """

    index: int = Field(description="Stream index in the file")
    codec: str
    profile: str | None = None
    level: int | None = Field(None, description="In the codec's numbering: 41 is H.264 level 4.1")
    pix_fmt: str
    bit_depth: int
    coded_width: int = Field(description="Stored pixels, before rotation and pixel shape")
    coded_height: int
    width: int = Field(description="As displayed: upright, in square pixels")
    height: int
    rotation: Literal[0, 90, 180, 270] = Field(0, description="Degrees clockwise to upright")
    square_pixels: bool = True
    fps: float = Field(description="Average frame rate; 25 where the file gives none")
    vfr: bool = Field(False, description="Frame times are not evenly spaced")
    interlaced: bool = False
    time_base: str = Field(description="Unit of its timestamps in seconds, a fraction")
    start_s: float = Field(0.0, description="When its first frame is shown")
    bit_rate: int | None = Field(None, description="Bits a second, where known")
    color_range: str | None = None
    color_space: str | None = None
    color_primaries: str | None = None
    color_transfer: str | None = None

    @property
    def hdr(self) -> Literal["pq", "hlg"] | None:
        """Return the HDR transfer function; None for SDR."""
        return _HDR.get(self.color_transfer or "")


class AudioStream(Record):
    """One audio track."""

    index: int = Field(description="Stream index in the file")
    codec: str
    channels: int
    sample_rate: int
    language: str | None = Field(None, description="Language tag, e.g. eng; None if und")
    title: str | None = None
    default: bool = False
    start_s: float = Field(0.0, description="Start on the file's timeline, seconds")
    bit_rate: int | None = None


@dataclass(frozen=True)
class Limits:
    """The largest input that this installation accepts; see the same fields of ``Settings``."""

    max_bytes: int = 20 * 1024**3
    max_duration_s: float = 6 * 3600.0
    max_pixels: int = 8192 * 4352
    max_streams: int = 32


class Probe(Record):
    """The measured properties of a media file, which has ``video``, ``audio`` or both.

    Attributes:
        container: the demuxer's name, e.g. ``mov,mp4,m4a,3gp,3g2,mj2``.
        duration_s: from the first packet to the end of the last one, as measured; 0 when a file
            holds one frame without duration.
        cut_off: the header states a noticeably longer duration than was measured.
    """

    container: str
    duration_s: float
    size_bytes: int
    video: VideoStream | None = None
    audio: tuple[AudioStream, ...] = ()
    cut_off: bool = False

    @property
    def streams(self) -> tuple[int, ...]:
        """Return the stream indices of the video and audio tracks."""
        return tuple(stream.index for stream in (self.video, *self.audio) if stream)
