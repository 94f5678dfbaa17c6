"""The writer of an H.264/AAC MP4 file, and of its ground truth as a JSON file beside it.

All data is streamed: a video of hours needs the memory of one shot.
"""

import itertools
import json
import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np

from samples.ffmpeg import COMMAND
from samples.scenes import SPEECH_RATE, Shot

KEYFRAME_EVERY: Final = 2  # s
TRUTH_RATE: Final = 2  # per second: boxes are recorded in the first frame of each half second
_PLAIN: Final = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact")
"""Flags that omit dates and versions, so that the bytes are reproducible."""

Progress = Callable[[float], None]  # receives the seconds done


@dataclass(frozen=True, slots=True)
class Coding:
    """The coding of a video: x264's quality (higher is worse), AAC's kbit/s; 0: no audio track."""

    crf: int = 27
    preset: str = "medium"
    kilobits: int = 64


@dataclass(slots=True)
class Truth:
    """The ground truth of a video; samples/README.md describes its JSON."""

    width: int
    height: int
    fps: int
    seconds: float = 0.0
    sentences: list[dict[str, Any]] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)

    def add(self, shot: Shot, *, heard: bool) -> None:
        """Append a shot."""
        if heard:
            self._add_speech(shot)
        begin = round(self.seconds * self.fps)
        for number in range(shot.count):
            if _is_noted(begin + number, self.fps):
                self._add_frame(shot, number, begin + number)
        self.seconds = (begin + shot.count) / self.fps

    def _add_speech(self, shot: Shot) -> None:
        for line in shot.lines:
            start, end = line.start + self.seconds, line.end + self.seconds
            self.sentences.append({
                "text": line.utterance.text,
                "voice": line.utterance.voice,
                "start": round(start, 3),
                "end": round(end, 3),
            })  # fmt: skip
            for spoken in line.words:
                word = spoken.later(self.seconds)
                times = {"start": round(word.start, 3), "end": round(word.end, 3)}
                self.words.append({"word": word.text, **times})

    def _add_frame(self, shot: Shot, number: int, frame: int) -> None:
        objects = [
            {
                "label": seen.shape,
                "colour": seen.colour,
                "box": [round(edge, 2) for edge in seen.box.edges],
            }
            for seen in shot.seen(number)
        ]
        self.frames.append({"frame": frame, "time": round(frame / self.fps, 3), "objects": objects})

    def write(self, path: Path) -> None:
        """Write the JSON with one line per item, for a small file and readable diffs."""
        parts = [f'"{name}": {getattr(self, name)}' for name in ("width", "height", "fps")]
        parts.append(f'"seconds": {round(self.seconds, 3)}')
        for name in ("sentences", "words", "frames"):
            rows = ",\n  ".join(json.dumps(row) for row in getattr(self, name))
            parts.append(f'"{name}": [\n  {rows}\n]' if rows else f'"{name}": []')
        path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _is_noted(frame: int, fps: int) -> bool:
    """Return True if a frame is the first of its half second."""
    return frame == 0 or frame * TRUTH_RATE // fps > (frame - 1) * TRUTH_RATE // fps


def truth_path(video: Path) -> Path:
    """Return the path of a video's ground truth."""
    return video.with_suffix(".truth.json")


def write(
    shots: Iterable[Shot],
    path: Path,
    coding: Coding | None = None,
    progress: Progress | None = None,
) -> Truth:
    """Write a video and its ground truth.

    Audio and video are written in parallel to separate files, and muxed at the end without a
    second encoding. Each shot is made only once, because espeak-ng's speech varies slightly.
    """
    coding = coding or Coding()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.stem + "-") as folder:
        pictures, track = Path(folder) / "pictures.mp4", Path(folder) / "track.wav"
        truth = _write_streams(shots, pictures, track, coding, progress)
        subprocess.run(_join(pictures, track, coding, path), check=True)  # noqa: S603
    truth.write(truth_path(path))
    return truth


def _write_streams(
    shots: Iterable[Shot], pictures: Path, track: Path, coding: Coding, progress: Progress | None
) -> Truth:
    coming = iter(shots)
    first = next(coming)
    truth = Truth(*first.size, first.fps)
    command = _encode(first, pictures, coding)
    with (
        wave.open(str(track), "wb") as sound,
        subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg,  # noqa: S603
    ):
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SPEECH_RATE)
        pipe = cast("IO[bytes]", ffmpeg.stdin)
        for shot in itertools.chain([first], coming):
            for image in shot.frames():
                pipe.write(image.tobytes())
            scaled = np.clip(np.rint(shot.sound() * 32767), -32768, 32767)
            sound.writeframes(scaled.astype("<i2").tobytes())
            truth.add(shot, heard=coding.kilobits > 0)
            if progress is not None:
                progress(truth.seconds)
    if ffmpeg.returncode:
        raise subprocess.CalledProcessError(ffmpeg.returncode, command)
    return truth


def _encode(shot: Shot, path: Path, coding: Coding) -> list[str]:
    width, height = shot.size
    apart = KEYFRAME_EVERY * shot.fps
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {shot.fps} -i pipe:0"
    x264 = f"-c:v libx264 -preset {coding.preset} -crf {coding.crf} -pix_fmt yuv420p -threads 1"
    keyframes = f"-g {apart} -keyint_min {apart} -sc_threshold 0"
    return [*COMMAND, *raw.split(), *x264.split(), *keyframes.split(), *_PLAIN, str(path)]


def _join(pictures: Path, track: Path, coding: Coding, path: Path) -> list[str]:
    inputs = ["-i", str(pictures)]
    codecs = ["-c:v", "copy"]
    if coding.kilobits:
        inputs += ["-i", str(track)]
        codecs += f"-c:a aac -b:a {coding.kilobits}k -ar 44100".split()
    return [*COMMAND, *inputs, *codecs, *_PLAIN, "-movflags", "+faststart", str(path)]
