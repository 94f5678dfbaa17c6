"""The files that a range of the transcode stage made: the data of its part."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from pipeline.core.ranges import Artifact, Part
from pipeline.stages.transcode.cmaf import Track
from pipeline.stages.transcode.places import Batch


class Heard(BaseModel):
    """A track of sound.

    Attributes:
        stream: ``AudioStream.index``.
        track: its file.
    """

    model_config = ConfigDict(frozen=True)

    stream: int
    track: Track


class Listed(BaseModel):
    """The packets that a range of sound reads.

    Attributes:
        files: names of the files with them, in order of time.
        heard: the expression of when samples are heard; see ``Stretch.filters``.
    """

    model_config = ConfigDict(frozen=True)

    files: tuple[str, ...]
    heard: str = ""


class Stored(BaseModel):
    """The part of the data that ranges of sound need, which is quick to read.

    Attributes:
        packets: names of files with packets of sound, by stream; none for a stream without any.
        batches: of the packets in each file; None if they are unknown.
        gains: gain in dB for the wanted loudness, by stream; None for none.
        lists: the packets that ranges of sound read, by their names.
    """

    model_config = ConfigDict(frozen=True)

    packets: dict[int, str] = {}
    batches: dict[int, tuple[Batch, ...] | None] = {}
    gains: dict[int, float | None] = {}
    lists: dict[str, Listed] = {}

    @classmethod
    def of(cls, part: Part) -> Self:
        """Return the data of a part."""
        return cls.model_validate(part.data)


class Encoded(Stored):
    """The tracks that a range made, and what was noticed.

    Attributes:
        pictures: one a rung, largest first.
        sounds: those that could be decoded.
        own_size: the ladder has the source's own size on top.
        copied: the first picture is a copy of the source's, or the sounds are.
        errors: number of the decoder's error lines.
        blank: nothing of the pictures could be decoded; they are black.
    """

    pictures: tuple[Track, ...] = ()
    sounds: tuple[Heard, ...] = ()
    own_size: bool = False
    copied: bool = False
    errors: int = 0
    blank: bool = False

    def part(self) -> Part:
        """Return the part with its files."""
        files = [("video/mp4", self.pictures), ("audio/mp4", [one.track for one in self.sounds])]
        return Part(
            artifacts=tuple(
                Artifact(name=track.name, media_type=media_type, role="hls_segments")
                for media_type, tracks in files
                for track in tracks
            ),
            interim=tuple(self.packets.values()),
            data=self.model_dump(mode="json"),
        )


def moved(names: Iterable[str], scratch: Path, folder: Path) -> None:
    """Move finished files to where the result has them."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).rename(target)
