"""ffmpeg between two pipes, on data that this package generated."""

import subprocess
from collections.abc import Sequence
from typing import Final

COMMAND: Final = ("ffmpeg", "-v", "error", "-y", "-threads", "1")


def piped(arguments: Sequence[str], data: bytes) -> bytes:
    """Run ffmpeg on bytes and return its output; the arguments read pipe:0 and write pipe:1."""
    done = subprocess.run([*COMMAND, *arguments], input=data, capture_output=True, check=True)  # noqa: S603
    return done.stdout
