"""The tiles of a range: shots of a video, whose pixels lie in one file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from pipeline.core.ranges import Made, Part, Parts
from pipeline.media.decoding import Frame

if TYPE_CHECKING:
    import numpy as np

_CHANNELS = 3


class Shot(NamedTuple):
    """A moment of a video that has a tile.

    Attributes:
        time_s: the time of its frame.
        score: of its frame at a larger size than a tile's; see ``poster.score``.
        key: True if only keyframes were decoded to find it.
    """

    time_s: float
    score: float
    key: bool


class Collected(BaseModel):
    """The shots of a range, in order of time: the data of its part.

    Attributes:
        file: pixels of all tiles, one after another; see ``Frame.image``.
        width: of a tile, pixels.
        height: of a tile, pixels.
        shots: one for each tile.
        errors: number of the decoder's error lines.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    width: int
    height: int
    shots: tuple[Shot, ...] = ()
    errors: int = 0

    def part(self) -> Part:
        """Return the part with its file."""
        return Part(interim=(self.file,), data=self.model_dump(mode="json"))

    @classmethod
    def of(cls, part: Part) -> "Collected":
        """Return the data of a part."""
        return cls.model_validate(part.data)


class Writer:
    """The writer of a file of tiles, one at a time, so that memory does not grow with them.

    Args:
        path: the file.
        size: width and height of a tile.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._file = path.open("wb")
        self._name, self._size = path.name, size
        self._shots: list[Shot] = []

    def add(self, shot: Shot, image: "np.ndarray") -> None:
        """Append a tile."""
        self._shots.append(shot)
        self._file.write(image.tobytes())

    def collected(self, errors: int) -> Collected:
        """Return the record of what was written."""
        width, height = self._size
        shots = tuple(self._shots)
        return Collected(file=self._name, width=width, height=height, shots=shots, errors=errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


class Tile(NamedTuple):
    """A shot and the place of its pixels: the number of its part, and its number there."""

    shot: Shot
    part: int
    number: int


class Tiles:
    """The tiles of all ranges; pixels are read when they are wanted.

    Args:
        parts: of all ranges, in order of time.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts: Sequence[Made] = parts
        self._collected = [Collected.of(one.part) for one in parts]

    @property
    def errors(self) -> int:
        """Return the number of the decoder's error lines."""
        return sum(one.errors for one in self._collected)

    def listed(self) -> list[Tile]:
        """Return all tiles in order of time."""
        return [
            Tile(shot, part, number)
            for part, one in enumerate(self._collected)
            for number, shot in enumerate(one.shots)
        ]

    def frames(self, wanted: Sequence[Tile]) -> Iterator[Frame]:
        """Yield the frames of tiles, which are in order of time."""
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

        for part, one in enumerate(self._collected):
            chosen = [tile for tile in wanted if tile.part == part]
            if not chosen:
                continue
            shape = (one.height, one.width, _CHANNELS)
            with self._parts[part].file(one.file).open("rb") as file:
                for shot, _, number in chosen:
                    file.seek(number * one.height * one.width * _CHANNELS)
                    pixels = file.read(one.height * one.width * _CHANNELS)
                    image = np.frombuffer(pixels, np.uint8).reshape(shape)
                    yield Frame(shot.time_s, image, shot.key)
