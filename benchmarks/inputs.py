"""The videos that benchmarks process: made here, once, in ``build/bench``.

    python -m benchmarks.inputs

The speech has known words (``talk.words_path``). A picture's loop of 20 s is encoded once and
repeated without encoding. H.264 with AAC conforms to what players expect; HEVC does not.
"""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from benchmarks import pictures, talk
from benchmarks.alternatives.command import ffmpeg
from benchmarks.measure import ROOT
from benchmarks.pictures import Codec, Content

BUILD: Final = ROOT / "build" / "bench"
_RECIPE: Final = 2  # raised when an input changes, so that old files are not used
FOLDER: Final = BUILD / f"inputs-{_RECIPE}"

Kind = Literal["talking", "half-silent", "slides", "motion", "clip"]
KINDS: Final[tuple[Kind, ...]] = ("talking", "half-silent", "slides", "motion")
SECONDS: Final = (20, 60, 600)
WARM_UP_S: Final = 6

# A small picture and a tone: the stages' own work is a fraction of a second.
_CLIP: Final = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10", "-f", "lavfi", "-i", "sine=220")
_PICTURES: Final[dict[Kind, Content]] = {
    "talking": "talking",
    "half-silent": "talking",
    "slides": "slides",
    "motion": "motion",
}


@dataclass(frozen=True, slots=True)
class Input:
    """A video to be made.

    Attributes:
        kind: its content.
        seconds: its length.
        codec: of the picture.
        seed: selects sentences and voices.
    """

    kind: Kind
    seconds: int
    codec: Codec = "h264"
    seed: int = 0

    @property
    def name(self) -> str:
        """Return its name."""
        seed = f"-{self.seed}" if self.seed else ""
        return f"{self.kind}-{self.seconds}s-{self.codec}{seed}"

    def path(self) -> Path:
        """Return the file; make it if it is missing."""
        target = FOLDER / f"{self.name}.mp4"
        if not target.is_file():
            FOLDER.mkdir(parents=True, exist_ok=True)
            self._make(target)
        return target

    def _make(self, target: Path) -> None:
        if self.kind == "clip":
            form = ("-pix_fmt", "yuv420p", "-fflags", "+bitexact")
            ffmpeg(*_CLIP, "-t", str(self.seconds), *form, target)
            return
        half_silent = self.kind == "half-silent"
        said = talk.talk(
            self.seconds, half_silent=half_silent, seed=KINDS.index(self.kind) + 10 * self.seed
        )
        loop = _loop(_PICTURES[self.kind], self.codec)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            sound, part = Path(folder) / "sound.wav", Path(folder) / "video.mp4"
            said.write(sound)
            loops = math.ceil(self.seconds / pictures.LOOP_S)
            picture = ("-stream_loop", str(loops - 1), "-i", loop)
            coded = ("-c:v", "copy", "-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-ac", "2")
            length = ("-t", str(self.seconds), "-map", "0:v", "-map", "1:a")
            plain = ("-fflags", "+bitexact", "-movflags", "+faststart")
            tag = ("-tag:v", "hvc1") if self.codec == "hevc" else ()
            ffmpeg(*picture, "-i", sound, *length, *coded, *tag, *plain, part)
            talk.words_path(sound).replace(talk.words_path(target))
            part.replace(target)


def warm_up() -> Path:
    """Return a short video for warm-ups."""
    return Input("talking", WARM_UP_S).path()


def _loop(content: Content, codec: Codec) -> Path:
    target = FOLDER / f"loop-{content}-{codec}.mp4"
    if not target.is_file():
        part = target.with_suffix(".part.mp4")
        pictures.encode(content, codec, part)
        part.replace(target)
    return target


def main() -> None:
    """Make all inputs and print their paths."""
    for kind in KINDS:
        for seconds in SECONDS:
            for codec in ("h264", "hevc") if seconds == min(SECONDS) else ("h264",):
                print(Input(kind, seconds, codec).path())


if __name__ == "__main__":
    main()
