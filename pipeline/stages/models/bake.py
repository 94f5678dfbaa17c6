"""Weights for an image: ``python -m pipeline.stages.models.bake NAME …``.

Each file is fetched into the folder ``--into`` unless it is there, and checked against its pinned
digest. A mismatch ends the build of the image. ``NAME@int8`` makes the 8-bit version of a Whisper
model and keeps only that.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from pipeline.core.errors import VideodropError
from pipeline.stages.models import host, int8, weights

_log = logging.getLogger(__name__)


def bake(names: list[str]) -> list[weights.Weights]:
    """Fetch, check and convert weights; a new folder then contains only these.

    Raises:
        VideodropError: as ``weights.resolve`` does.
    """
    folder = host.current().model_dir
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if base := weights.int8_of(name):
            _reduce(base, keep=base in names)
    found = [weights.resolve(name) for name in names]
    for lock in folder.glob("*.lock"):
        lock.unlink()
    # Other modification times would make another image layer of the same weights.
    for path in (*folder.iterdir(), folder):
        os.utime(path, (0, 0))
    return found


def _reduce(base: str, *, keep: bool) -> None:
    """Make the 8-bit version of a Whisper model, and remove weights fetched only for it."""
    target = weights.baked_path(base)
    before = set(target.parent.iterdir())
    source = weights.resolve(base).path
    int8.write(source, target)
    with target.with_name(weights.SUMS).open("a") as sums:
        sums.write(f"{weights.file_sha256(target)}  {target.name}\n")
    if source.parent == target.parent and source not in before and not keep:
        source.unlink()


def main(arguments: list[str]) -> None:
    """Bake the models that a command line names, and log each file.

    Raises:
        VideodropError: as ``bake`` does.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline.stages.models.bake")
    parser.add_argument("--into", type=Path, help="the folder, by default the one of the models")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model, e.g. turbo or tiny@int8")
    given = parser.parse_args(arguments)
    if given.into:
        host.use(host.ModelHost(model_dir=given.into))
    for one in bake(given.names):
        _log.info("%s  %s  %s", one.sha256, one.origin, one.path)


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(message)s")
    try:
        main(sys.argv[1:])
    except VideodropError as problem:
        sys.exit(str(problem))
