"""The generator of the sample videos: python -m samples.generate [--long MINUTES --out FILE]."""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from samples import voices
from samples.scenes import Shot, ShotSpec, Size, shot
from samples.video import Coding, Progress, write

HERE: Final = Path(__file__).parent
LANDSCAPE, PORTRAIT = Size(640, 360), Size(360, 640)
_LONG_SHOT: Final = 20  # s


@dataclass(frozen=True, slots=True)
class Sample:
    """A committed sample: its shots and its coding. The seed is its name."""

    name: str
    specs: tuple[ShotSpec, ...]
    coding: Coding = field(default_factory=Coding)

    def shots(self) -> Iterator[Shot]:
        """Make the shots, always the same ones."""
        for number, spec in enumerate(self.specs):
            yield shot(spec, random.Random(f"sample {self.name} {number}"))

    def write(self, folder: Path) -> None:
        """Write the video and its truth."""
        write(self.shots(), folder / f"{self.name}.mp4", self.coding)


_NARRATED: Final = ShotSpec(LANDSCAPE, 10, actors=(4, 5), voice="en-us")
SAMPLES: Final = (
    Sample("landscape", (_NARRATED, replace(_NARRATED, seconds=11))),
    Sample("portrait", (ShotSpec(PORTRAIT, 14, actors=(4, 5), voice="en+f3"),)),
    Sample("silent", (ShotSpec(LANDSCAPE, 6, actors=(3, 6)),) * 2, Coding(kilobits=0)),
    Sample("speech-only", (ShotSpec(LANDSCAPE, 24, actors=(0, 0), voice="en-gb-x-rp"),)),
)


def long_shots(seconds: float, size: Size = LANDSCAPE) -> Iterator[Shot]:
    """Make the shots of a long video, one by one, each with its own voice."""
    left, number = seconds, 0
    while left > 0:
        rng = random.Random(f"long {size} {number}")
        voice = voices.training_voice(rng)
        yield shot(ShotSpec(size, min(_LONG_SHOT, left), voice=voice), rng)
        left, number = left - _LONG_SHOT, number + 1


def progress(total: float) -> Progress:
    """Return a function that prints the progress of a video."""
    begun = time.monotonic()

    def show(done: float) -> None:
        spent = time.monotonic() - begun
        left = spent * (total - done) / max(done, 1e-9)
        sys.stderr.write(f"\r{done:7.0f} of {total:.0f} s, {left:5.0f} s left ")
        if done >= total:
            sys.stderr.write("\n")
        sys.stderr.flush()

    return show


def main() -> None:
    """Parse the command line and write the videos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", type=float, metavar="MINUTES", help="make one long video instead")
    parser.add_argument("--out", type=Path, metavar="FILE", default=Path("build/long.mp4"))
    parser.add_argument("--folder", type=Path, default=HERE, help="the folder of the samples")
    parser.add_argument("names", nargs="*", help="the samples to make (default: all)")
    arguments = parser.parse_args()
    if arguments.long:
        seconds = arguments.long * 60
        coding = Coding(preset="veryfast")
        write(long_shots(seconds), arguments.out, coding, progress(seconds))
        return
    for sample in SAMPLES:
        if not arguments.names or sample.name in arguments.names:
            sample.write(arguments.folder)
            sys.stderr.write(f"{sample.name}.mp4\n")


if __name__ == "__main__":
    main()
