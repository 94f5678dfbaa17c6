"""A command of the alternatives that have no model to load: ffmpeg, run as tutorials do."""

import subprocess
from pathlib import Path


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments


def nothing(_: object) -> None:
    """Load nothing."""
