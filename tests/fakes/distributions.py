"""The packages that extras of this project install, from those of this environment."""

import tomllib
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
_OURS = canonicalize_name(PROJECT["project"]["name"])


def link(extras: str, folder: Path) -> None:
    """Link the files that ``pip install .[extras]`` installs into a folder, without our own.

    Args:
        extras: names of extras, separated by commas.
        folder: created if it is missing.
    """
    for name in installed_by(extras):
        one = distribution(name)
        for file in one.files or ():  # each by itself: packages share namespaces such as google
            if {"..", "__pycache__"}.isdisjoint(file.parts):
                _link(Path(str(one.locate_file(file))), folder / file)


def _link(there: Path, here: Path) -> None:
    """Link a file and, of a module, what Python compiled: compiling costs more than running."""
    if here.is_symlink():  # linked for another stage of the same image
        return
    here.parent.mkdir(parents=True, exist_ok=True)
    here.symlink_to(there)
    if here.suffix == ".py" and (compiled := Path(cache_from_source(str(there)))).exists():
        cached = Path(cache_from_source(str(here)))
        cached.parent.mkdir(exist_ok=True)
        cached.symlink_to(compiled)


def installed_by(extras: str) -> set[str]:
    """Return the distributions that the project with extras needs, with their dependencies."""
    asked = PROJECT["project"]["dependencies"] + [
        text
        for extra in extras.split(",")
        for text in PROJECT["project"]["optional-dependencies"][extra.strip()]
    ]
    waiting = [(text, "") for text in asked]
    found = set()
    while waiting:
        text, extra = waiting.pop()
        one = Requirement(text)
        if one.marker and not one.marker.evaluate({"extra": extra}):
            continue
        for part in {(one.name, more) for more in ("", *one.extras)} - found:
            found.add(part)
            waiting += [(text, part[1]) for text in distribution(one.name).requires or []]
    return {canonicalize_name(name) for name, _ in found} - {_OURS}
