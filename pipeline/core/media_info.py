"""Typed records of a media file: its tracks and duration, and the limits on both."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# Recordings in these containers are often joined without a correction of their clocks.
CLOCK_JUMPS = frozenset({"mpegts", "mpeg"})
# A seek in these finds the same frames and samples as one pass, at the same times.
SOUGHT = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "flac"})
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
    mirrored: bool = Field(False, description="It is shown as in a mirror, by the file's matrix")
    square_pixels: bool = True
    fps: float = Field(description="Average frame rate; 25 where the file gives none")
    vfr: bool = Field(False, description="Frame times are not evenly spaced")
    interlaced: bool = False
    time_base: str = Field(description="Unit of its timestamps in seconds, a fraction")
    start_s: float = Field(0.0, description="When its first frame is shown")
    timed: bool = Field(True, description="The file says when frames are shown, not only decoded")
    bit_rate: int | None = Field(None, description="Bits a second, where known")
    color_range: str | None = None
    color_space: str | None = None
    color_primaries: str | None = None
    color_transfer: str | None = None
    peak_nits: float | None = Field(
        None, description="Brightest light of HDR in cd/m2, from MaxCLL or the mastering display"
    )
    dolby_vision: int | None = Field(
        None, description="Dolby Vision profile, if other decoders cannot show its colours"
    )

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
    commentary: bool = Field(False, description="Comments on the video, by flag or title")
    described: bool = Field(False, description="Describes the picture to people who do not see it")
    layout: str | None = Field(None, description="Names of its channels, e.g. 5.1; None if unknown")
    start_s: float = Field(0.0, description="Start on the file's timeline, seconds")
    time_base: str = Field("0", description="Unit of its timestamps in seconds; 0 if unknown")
    bit_rate: int | None = None


class SubtitleStream(Record):
    """One track of subtitles, as text or as pictures."""

    index: int = Field(description="Stream index in the file")
    codec: str
    language: str | None = Field(None, description="Language tag, e.g. eng; None if und")
    title: str | None = None
    default: bool = False
    forced: bool = Field(False, description="Only what has to be read in any case")
    hearing_impaired: bool = Field(False, description="Tells sounds as well as speech")


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
        chapters: the number of its chapters.
        cut_off: the header states a noticeably longer duration than was measured.
        hole: start and end of the longest gap in a sound track, seconds, where the clock of the
            container may jump; None without a noticeable one.
    """

    container: str
    duration_s: float
    size_bytes: int
    video: VideoStream | None = None
    audio: tuple[AudioStream, ...] = ()
    subtitles: tuple[SubtitleStream, ...] = ()
    chapters: int = 0
    cut_off: bool = False
    hole: tuple[float, float] | None = None

    @property
    def clock_jumps(self) -> bool:
        """Return whether its clock may jump, so that seeking by time finds other frames."""
        return self.container in CLOCK_JUMPS

    @property
    def seeks(self) -> bool:
        """Return whether a part of it can be decoded without what comes before, as in one pass.

        Otherwise a part is decoded from the beginning of the file, so division saves no time.
        """
        return self.container in SOUGHT and (self.video is None or self.video.timed)

    @property
    def streams(self) -> tuple[int, ...]:
        """Return the stream indices of the video and audio tracks."""
        return tuple(stream.index for stream in (self.video, *self.audio) if stream)
