"""The size of each image layer against its budget, without a container engine.

    python -m containers.sizes [TARGET ...] [--folder build/containers] [--build-arg NAME=VALUE]

Python packages, code and weights are installed as in the Dockerfile and measured. Debian's packages
are resolved by apt, without those of every Debian; their sizes are Debian's. The base image is not
included, and sizes are uncompressed. Exits with 1 if a layer is over its budget in budgets.json
(MB).
"""

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from containers import dockerfile
from containers.rehearsal import Rehearsal

BUDGETS: Final = Path(__file__).with_name("budgets.json")
_MB = 1_000_000
_LARGEST = 12
# The packages of python:…-slim: those of every Debian, and its own.
_BASE = ("?priority(required)", "apt", "ca-certificates", "netbase", "tzdata")
# The Dockerfile removes nearly all of their files.
_EMPTIED = {"libgl1-mesa-dri", "libllvm15", "libmfx1", "libz3-4"}


def debian(target: str) -> dict[str, int]:
    """Return the bytes of each Debian package that an image adds to its base.

    Raises:
        FileNotFoundError: apt is not installed.
        subprocess.CalledProcessError: apt does not find a package in the pinned version.
    """
    wanted = requested(target)
    if not wanted:
        return {}
    names = sorted(_resolved(wanted) - _resolved(_BASE) - _EMPTIED)
    shown = _apt("apt-cache", "show", "--no-all-versions", *names)
    found = re.findall(
        r"^Package: (\S+)$.*?^Installed-Size: (\d+)$", shown, re.DOTALL | re.MULTILINE
    )
    return {name: int(kib) * 1024 for name, kib in found}


def requested(target: str) -> list[str]:
    """Return the Debian packages that an image's steps install, with their versions."""
    chain = dockerfile.lineage(dockerfile.read(), target)
    runs = [step.rest for stage in chain for step in stage.steps if step.word == "RUN"]
    words = " ".join(runs).split()
    return [word for word in words if re.fullmatch(r"[a-z0-9.+-]+=\S+", word)]


def _resolved(wanted: Iterable[str]) -> set[str]:
    nothing = ("-o", "Dir::State::status=/dev/null")
    said = _apt("apt-get", "install", "--simulate", "--no-install-recommends", *nothing, *wanted)
    return set(re.findall(r"^Inst (\S+)", said, re.MULTILINE))


def _apt(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def packages(image: Path) -> dict[str, int]:
    """Return the bytes of each Python package in a rehearsed image."""
    (site,) = (image / "opt" / "venv" / "lib").glob("python*/site-packages")
    sizes: Counter[str] = Counter()
    for distribution in importlib.metadata.distributions(path=[str(site)]):
        for file in distribution.files or []:
            path = Path(str(distribution.locate_file(file)))
            sizes[distribution.name] += path.stat().st_size if path.is_file() else 0
    return dict(sizes)


def layers(target: str, image: Path) -> dict[str, dict[str, int]]:
    """Return the bytes in each layer of a rehearsed image, by package or folder."""
    folders = {"code": image / "opt" / "app", "weights": image / "opt" / "models"}
    own = {
        layer: {path.name: _bytes(path) for path in folder.iterdir()}
        for layer, folder in folders.items()
        if folder.exists()
    }
    return {"debian": debian(target), "packages": packages(image), **own}


def rehearsed(target: str, folder: Path, args: dict[str, str] | None = None) -> Path:
    """Rehearse an image again, in place of an earlier one in the folder."""
    rehearsal = Rehearsal(target, folder, args)
    rehearsal.clear()
    rehearsal.run()
    return rehearsal.image


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def over(target: str, sizes: dict[str, int], budgets: dict[str, dict[str, int]]) -> list[str]:
    """Return a message for each layer over its budget.

    Args:
        target: the image.
        sizes: bytes of each of its layers.
        budgets: megabytes of each layer of each image.
    """
    return [
        f"{target}: {layer} has {size / _MB:.0f} MB, and a budget of {budgets[target][layer]} MB"
        for layer, size in sizes.items()
        if size > budgets[target][layer] * _MB
    ]


def main() -> int:
    """Measure and print; return 1 if a layer is over its budget."""
    budgets = json.loads(BUDGETS.read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(budgets))
    parser.add_argument("--folder", type=Path, default=Path("build/containers"))
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    args = dict(pair.split("=", 1) for pair in given.build_arg)
    errors = []
    for target in given.targets:
        found = layers(target, rehearsed(target, given.folder / target, args))
        sizes = {layer: sum(parts.values()) for layer, parts in found.items()}
        errors += over(target, sizes, budgets)
        print(f"{target:28}{sum(sizes.values()) / _MB:9.1f} MB")
        for layer, parts in found.items():
            print(f"  {layer:26}{sizes[layer] / _MB:9.1f}    of {budgets[target][layer]}")
            largest = sorted(parts.items(), key=lambda part: -part[1])
            for name, size in largest[:_LARGEST]:
                if size > _MB:
                    print(f"    {name:24}{size / _MB:9.1f}")
    print("\n".join(errors), file=sys.stderr)
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
