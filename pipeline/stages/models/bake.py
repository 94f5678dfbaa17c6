"""Weights for an image: ``python -m pipeline.stages.models.bake NAME …``.

Each model is fetched into the folder ``--into`` unless it is there, checked against its pinned
digests, and converted if it has to be. A mismatch ends the build of the image.
"""

import argparse
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from pipeline.core.errors import VideodropError
from pipeline.stages.models import host, store, weights

_log = logging.getLogger(__name__)


def bake(names: list[str]) -> list[weights.Weights]:
    """Fetch, check and convert weights; a new folder then contains only these.

    Raises:
        VideodropError: as ``weights.resolve`` does.
    """
    folder = host.current().model_dir
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    found = [weights.resolve(name) for name in names]
    kept = {path for one in found for path in (one.path, store.checked_path(one.path))}
    for path in set(folder.iterdir()) - before - kept:  # locks, and sources of conversions
        store.discard(path)
    # Other modification times would make another image layer of the same weights.
    for path in sorted(folder.rglob("*")):
        os.utime(path, (0, 0))
    for one in found:
        if one.path.is_relative_to(folder):
            store.record(one.path)
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (0, 0))
    return found


def main(arguments: list[str]) -> None:
    """Bake the models that a command line names, and log each.

    Raises:
        VideodropError: as ``bake`` does.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline.stages.models.bake")
    parser.add_argument("--into", type=Path, help="the folder, by default the one of the models")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model, e.g. turbo or yolox-s")
    parser.add_argument("--mirror", help="a folder or an address, as VIDEODROP_MODEL_MIRROR")
    given = parser.parse_args(arguments)
    here = replace(host.current(), fetch=True, mirror=given.mirror)
    host.use(replace(here, model_dir=given.into) if given.into else here)
    for one in bake(given.names):
        _log.info("%s  %s  %s", one.sha256, one.origin, one.path)


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(message)s")
    try:
        main(sys.argv[1:])
    except VideodropError as problem:
        sys.exit(str(problem))
