"""The kinds of hostile files: each has a name, a maker and the code that it is to end with."""

import functools
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ACCEPTED = "accepted"
"""The outcomes of a file that no check has to reject: a result, or a rejection by a stage."""
ABSURD = "absurd_structure"
MEMORY = "media_memory"
"""The code where ffprobe reaches its limit of memory, a gigabyte, within a second."""


class Kind(NamedTuple):
    """A kind of hostile file.

    Attributes:
        name: of the file.
        expected: the codes, one of which the probe ends with; or ``ACCEPTED``.
        make: returns the file.
    """

    name: str
    expected: tuple[str, ...]
    make: Callable[[], bytes]


def kind(name: str, expected: str, make: Callable[[], bytes]) -> Kind:
    """Return a kind; ``expected`` has one code or several, separated by spaces."""
    return Kind(name, tuple(expected.split()), make)


@functools.cache
def clip(suffix: str, *options: str) -> bytes:
    """Return two seconds of picture and sound, or what other options of ffmpeg make."""
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000")
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=15")
    sound_alone = suffix in {"mp3", "ogg", "flac", "wav", "aac", "au", "aiff", "caf", "w64", "amr"}
    inputs = tone if sound_alone else (*picture, *tone)
    return ffmpeg(suffix, *inputs, "-t", "2", *options)


def ffmpeg(suffix: str, *options: str) -> bytes:
    """Return what ffmpeg writes with these options."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{suffix}"
        program = shutil.which("ffmpeg") or "ffmpeg"
        command = [program, "-nostdin", "-loglevel", "error", "-y", *options, str(path)]
        subprocess.run(command, check=True)  # noqa: S603 - options of this folder
        return path.read_bytes()


def damaged(content: bytes, seed: int, count: int = 40) -> bytes:
    """Return a file in which some bytes, most of them near its start, are others."""
    chance = random.Random(seed)  # noqa: S311 - seeded, so that files repeat
    out = bytearray(content)
    for _ in range(count):
        out[int(len(out) * chance.random() ** 3)] = chance.randrange(256)
    return bytes(out)


def cut(content: bytes, share: float) -> bytes:
    """Return the first part of a file."""
    return content[: int(len(content) * share)]


def named(prefix: str, ones: Iterator[Kind]) -> Iterator[Kind]:
    """Yield kinds with a prefix before their names."""
    for one in ones:
        yield one._replace(name=f"{prefix}-{one.name}")
