"""The bill of materials of an image, from its recipe, as CycloneDX.

    python -m containers.bill [--folder build/bill] [TARGET ...]

It lists the Python packages with their pinned versions and licences, Debian's packages that the
Dockerfile names, and the script that the page has. Nothing is built. Debian's exact builds are
those of the day of the build.
"""

import argparse
import importlib.metadata
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from containers import dockerfile, sizes
from pipeline import __version__

ROOT: Final = Path(__file__).parents[1]
TARGETS: Final = ("api", "media", "cpu", "gpu", "local")
_EXTRAS = re.compile(r'"\.\[([\w,-]+)\]"')
_PYTHON: Final = {"python_version": "3.11", "python_full_version": "3.11.0"}
_LONGEST_LICENCE = 80  # some packages give the whole text


def bill(target: str) -> dict[str, Any]:
    """Return the bill of an image.

    Raises:
        ValueError: a Python package is not pinned.
    """
    labels = dockerfile.merged(dockerfile.lineage(dockerfile.read(), target), "LABEL")
    script = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/hls.js"]
    components = [
        *(_component("pypi", name, version, _licence(name)) for name, version in python(target)),
        *(
            _component("deb/debian", name, version, None)
            for name, version in (word.split("=", 1) for word in sorted(sizes.requested(target)))
        ),
        _component("npm", "hls.js", script["version"], script["license"]),
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "name": f"videodrop-{target}",
                "version": __version__,
                "licenses": [{"license": {"name": labels["org.opencontainers.image.licenses"]}}],
            }
        },
        "components": components,
    }


def python(target: str) -> list[tuple[str, str]]:
    """Return the name and the pinned version of each Python package of an image.

    Raises:
        ValueError: one is not pinned.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = dict(_pins())
    names = sorted(_closure(project, _extras(target)))
    if missing := [name for name in names if name not in pins]:
        raise ValueError(f"constraints.txt pins no version of {', '.join(missing)}")
    return [(name, pins[name]) for name in names]


def _pins() -> Iterator[tuple[str, str]]:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if version:
            yield canonicalize_name(name), version


def _extras(target: str) -> set[str]:
    """Return the extras that are installed in the stages from which an image is copied."""
    stages, found, open_ = dockerfile.read(), set[str](), [target]
    for name in open_:
        for stage in dockerfile.lineage(stages, name):
            for step in stage.steps:
                found |= {one for text in _EXTRAS.findall(step.rest) for one in text.split(",")}
                if "from" in step.flags and step.flags["from"] not in open_:
                    open_.append(step.flags["from"])
    return found


def _closure(project: dict[str, Any], extras: set[str]) -> set[str]:
    """Return all packages that ours needs with these extras."""
    seen: dict[str, set[str]] = {}

    def add(name: str, wanted: set[str]) -> None:
        new = ({""} | wanted) - seen.setdefault(name, set())
        seen[name] |= new
        for one in _requirements(project, name) if new else ():
            if one.marker is None or any(one.marker.evaluate({"extra": x, **_PYTHON}) for x in new):
                add(canonicalize_name(one.name), set(one.extras))

    add("videodrop", extras)
    return set(seen) - {"videodrop"}


def _requirements(project: dict[str, Any], name: str) -> list[Requirement]:
    if name == "videodrop":
        return [
            *map(Requirement, project["dependencies"]),
            *(
                Requirement(f'{one} ; extra == "{extra}"')
                for extra, wanted in project["optional-dependencies"].items()
                for one in wanted
            ),
        ]
    try:
        return list(map(Requirement, importlib.metadata.requires(name) or []))
    except importlib.metadata.PackageNotFoundError:  # of another host, such as one with a GPU
        return []


def _licence(name: str) -> str | None:
    try:
        facts = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    given = next((facts[one] for one in ("License-Expression", "License") if one in facts), "")
    named = [one for one in facts.get_all("Classifier") or [] if one.startswith("License ::")]
    if not given or len(given) > _LONGEST_LICENCE:
        given = named[-1].rpartition(" :: ")[2] if named else ""
    return given or None


def _component(kind: str, name: str, version: str, licence: str | None) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:{kind}/{name}@{version}",
    }
    if licence:
        component["licenses"] = [{"license": {"name": licence}}]
    return component


def main() -> None:
    """Write a bill for each image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bill")
    parser.add_argument("targets", nargs="*", default=TARGETS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for target in given.targets:
        path = given.folder / f"{target}.cdx.json"
        path.write_text(json.dumps(bill(target), indent=1) + "\n")
        print(path)


if __name__ == "__main__":
    main()
