"""ffmpeg between two pipes. All it is given here, this package has made itself."""

import subprocess
from collections.abc import Sequence
from typing import Final

COMMAND: Final = ("ffmpeg", "-v", "error", "-y", "-threads", "1")


def piped(arguments: Sequence[str], data: bytes) -> bytes:
    """Run ffmpeg on bytes and return what it writes; it must read pipe:0 and write pipe:1."""
    done = subprocess.run([*COMMAND, *arguments], input=data, capture_output=True, check=True)  # noqa: S603
    return done.stdout
