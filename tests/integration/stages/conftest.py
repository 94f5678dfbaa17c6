"""Fixtures of the two model stages: videos with speech, and the sample models."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.stage import Deadline, Result, Source
from pipeline.media.probe import probe

SENTENCES = (
    "The yellow square slides toward the center.",
    "The orange square spins up.",
    "The green triangle covers the yellow star.",
)


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg on generated inputs."""
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=120
    )


def source(path: Path) -> Source:
    """Return a file as the input of a stage; it is probed once."""
    found = path.stat()
    return _probed(path, found.st_mtime_ns, found.st_size)


@cache
def _probed(path: Path, *_: int) -> Source:
    return Source(path=path, name=path.name, probe=probe(path))


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory for the videos of this test session."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def speech(media: Path) -> Path:
    """Return a video of three spoken sentences with a second of silence around each."""
    if not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    inputs: list[str] = []
    for number, sentence in enumerate(SENTENCES):
        wav = media / f"{number}.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-w", wav, sentence], check=True, timeout=60)
        inputs += ["-i", str(wav)]
    spoken = "".join(f"[{n}:a]adelay=1000:all=1,apad=pad_dur=0[s{n}];" for n in range(3))
    joined = "[s0][s1][s2]concat=n=3:v=0:a=1,apad=pad_dur=1[a]"
    path = media / "speech.mp4"
    ffmpeg(
        *inputs,
        *("-f", "lavfi", "-i", "color=gray:s=64x36:r=5:d=15"),
        *("-filter_complex", spoken + joined, "-map", "3:v", "-map", "[a]", "-shortest"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path),
    )
    return path


@pytest.fixture(scope="session")
def silent_track(media: Path) -> Path:
    """Return a video with a silent audio track."""
    return _sounding(media / "silence.mp4", "anullsrc=r=48000:cl=stereo")


@pytest.fixture(scope="session")
def noise(media: Path) -> Path:
    """Return a video with loud noise."""
    return _sounding(media / "noise.mp4", "anoisesrc=a=0.3:c=pink:seed=1")


@pytest.fixture(scope="session")
def music(media: Path) -> Path:
    """Return a video with chords that change every half second."""
    notes = "+".join(f"0.2*sin(2*PI*t*{f}*pow(2,floor(2*t)/12))" for f in (220, 277, 330))
    return _sounding(media / "music.mp4", f"aevalsrc='{notes}'")


@pytest.fixture(scope="session")
def no_audio(media: Path) -> Path:
    """Return a video without audio."""
    path = media / "mute.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=64x36:r=5:d=2", "-c:v", "libx264", path)
    return path


@pytest.fixture(scope="session")
def audio_only(media: Path) -> Path:
    """Return audio without video."""
    path = media / "sound.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", path)
    return path


def _sounding(path: Path, sound: str) -> Path:
    ffmpeg(
        *("-f", "lavfi", "-i", sound, "-f", "lavfi", "-i", "color=gray:s=64x36:r=5"),
        *("-t", 6, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path),
    )
    return path


@pytest.fixture(scope="session")
def shapes(media: Path) -> Path:
    """Return a red square that moves right, and in the second half a blue one that moves left."""
    path = media / "shapes.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=0x808080:s=640x360:r=10:d=6"),
        *("-f", "lavfi", "-i", "color=red:s=90x90:r=10:d=6"),
        *("-f", "lavfi", "-i", "color=blue:s=70x70:r=10:d=6"),
        "-filter_complex",
        "[0][1]overlay=x=20+80*t:y=40[a];[a][2]overlay=x=500-70*t:y=250:enable='gte(t,3)'",
        *("-c:v", "libx264", "-preset", "superfast", path),
    )
    return path


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[..., tuple[Result, Path]]:
    """Return a function: ``fresh(stage, path, **params)`` gives a result and its new directory."""
    runs = iter(range(100))

    def run(
        stage: Any, path: Path, listen: Callable[[float], None] = lambda _: None, **params: object
    ) -> tuple[Result, Path]:
        work = tmp_path / f"run{next(runs)}"
        work.mkdir()
        given = source(path)
        return stage.run(given, stage.Params(**params), work, Deadline(300, listen)), work

    return run
