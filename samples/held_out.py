"""The videos for accuracy: sentences, voices and shots that no model was trained on."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from samples import voices
from samples.scenes import Shot, ShotSpec, Size, shot
from samples.video import Coding, truth_path, write

_CARD: Final = ShotSpec(Size(320, 180), 20, fps=10, actors=(0, 0))
_SHOTS: Final = 5  # in a spoken video
_LANDSCAPE, _PORTRAIT = Size(640, 360), Size(360, 640)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A set of videos."""

    name: str
    videos: tuple[Callable[[], Iterator[Shot]], ...]
    codings: tuple[Coding, ...]

    def files(self, folder: Path) -> list[Path]:
        """Return the videos' paths; generate missing videos."""
        paths = []
        for number, (shots, coding) in enumerate(zip(self.videos, self.codings, strict=True)):
            path = folder / f"{self.name}-{number}.mp4"
            if not truth_path(path).exists():
                write(shots(), path, coding)
            paths.append(path)
        return paths


def _spoken(name: str, voice: Callable[[random.Random], str]) -> Callable[[], Iterator[Shot]]:
    def shots() -> Iterator[Shot]:
        for number in range(_SHOTS):
            rng = random.Random(f"held out {name} {number}")
            spec = ShotSpec(_CARD.size, _CARD.seconds, _CARD.fps, _CARD.actors, voice(rng))
            yield shot(spec, rng)

    return shots


def _seen(name: str, size: Size) -> Callable[[], Iterator[Shot]]:
    def shots() -> Iterator[Shot]:
        for number in range(2):
            rng = random.Random(f"held out {name} {number}")
            yield shot(ShotSpec(size, 10, actors=(3, 6)), rng)

    return shots


def _hearing(name: str, *throats: Callable[[random.Random], str]) -> HeldOut:
    videos = tuple(_spoken(f"{name} {i}", throat) for i, throat in enumerate(throats))
    return HeldOut(name, videos, tuple(Coding(kilobits=k) for k in (48, 64, 96)[: len(throats)]))


def _always(voice: str) -> Callable[[random.Random], str]:
    return lambda _: voice


TRAIN_VOICES: Final = _hearing("train-voices", *[voices.training_voice] * 3)
UNSEEN_VOICES: Final = _hearing("unseen-voices", *map(_always, voices.UNSEEN_VOICES))
UNSEEN_ACCENT: Final = _hearing("unseen-accent", _always(voices.UNSEEN_ACCENT))
SCENES: Final = HeldOut(
    "scenes",
    tuple(
        _seen(f"scene {i}", size) for i, size in enumerate([_LANDSCAPE, _LANDSCAPE, _PORTRAIT] * 2)
    ),
    tuple(Coding(crf=crf, preset="veryfast", kilobits=0) for crf in (23, 28, 33, 23, 28, 33)),
)
