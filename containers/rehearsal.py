"""A rehearsal of an image: its steps run in an empty folder, so that missing files show.

    python -m containers.rehearsal TARGET FOLDER [ARG=VALUE ...]

Steps, paths, environment and entry point are read from the Dockerfile. Steps that install Debian's
packages are skipped; ``sizes`` asks apt about them.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pathspec

from containers import dockerfile
from containers.dockerfile import Stage, Step

ROOT: Final = Path(__file__).parents[1]
_OURS = re.compile(r"(?<![\w.}])/(?=(?:opt|src)\b)")
# The host's access to the package index is not part of the image.
_PASSED_ON = ("PIP_", "SSL_", "REQUESTS_", "CURL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_NO_COMPILER = {"CC": "false", "CXX": "false"}


class Rehearsal:
    """One image in a folder.

    Args:
        target: the image's stage.
        folder: the folder to create. Intermediate stages run in ``folder/build``;
            ``folder/image`` has exactly the image's files.
        args: build arguments.
    """

    def __init__(self, target: str, folder: Path, args: dict[str, str] | None = None) -> None:
        folder = folder.resolve()
        self.image = folder / "image"
        self._build = folder / "build"
        self._bin = folder / "bin"
        self._stages = dockerfile.read()
        self._chain = dockerfile.lineage(self._stages, target)
        self._args = args or {}
        self._done: set[str] = set()

    def clear(self) -> None:
        """Remove the files of an earlier rehearsal, whose steps may have changed."""
        for folder in (self.image, self._build, self._bin):
            if folder.exists():
                shutil.rmtree(folder)

    def run(self) -> None:
        """Run all steps.

        Raises:
            subprocess.CalledProcessError: a step failed; its output is on standard error.
            FileNotFoundError: a step copies a file that is missing or in .dockerignore.
        """
        for folder in (self.image, self._build, self._bin):
            folder.mkdir(parents=True)
        # The interpreter, by its name in the base image.
        python = self._bin / "python"
        python.write_text(f'#!/bin/sh\nexec {Path(sys.base_prefix, "bin", "python3")} "$@"\n')
        python.chmod(0o755)
        for stage in self._chain:
            self._take(stage, self.image)

    def environment(self) -> dict[str, str]:
        """Return the environment of the image's processes."""
        return self._environment(self._chain, self.image)

    def command(self) -> list[str]:
        """Return the command that the image starts."""
        words = (dockerfile.last(self._chain, word).words for word in ("ENTRYPOINT", "CMD"))
        return [word for part in words for word in part]

    def _take(self, stage: Stage, root: Path) -> None:
        chain = dockerfile.lineage(self._stages, stage.name)
        environment = self._environment(chain, root) | _declared(stage, self._args)
        workdir = dockerfile.last(chain, "WORKDIR", "/").rest
        work = root / workdir.removeprefix("/")
        for step in stage.steps:
            match step.word:
                case "COPY" if "from" in step.flags:
                    self._fetch(step, root)
                case "COPY":
                    self._copy(step, root, work)
                case "RUN" if not step.rest.startswith("apt-get"):
                    execute(stage.name, _placed(step.rest, root), work, environment)

    def _fetch(self, step: Step, root: Path) -> None:
        """Copy from another stage, by a link: virtual environments cannot be moved."""
        for stage in dockerfile.lineage(self._stages, step.flags["from"]):
            if stage.name not in self._done:
                self._done.add(stage.name)
                self._take(stage, self._build)
        there, here = step.words
        source, target = Path(_placed(there, self._build)), Path(_placed(here, root))
        if not source.exists():
            raise FileNotFoundError(f"the stage {step.flags['from']} does not make {there}")
        if source != target:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)

    def _copy(self, step: Step, root: Path, work: Path) -> None:
        """Copy the sources, except those in .dockerignore."""
        ignored = pathspec.PathSpec.from_lines(
            "gitignore", (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        )
        *sources, target = step.words
        into = work / _placed(target, root)
        for source in sources:
            path = ROOT / source
            files = [path] if path.is_file() else sorted(path.rglob("*"))
            copied = [
                file
                for file in files
                if file.is_file() and not ignored.match_file(file.relative_to(ROOT))
            ]
            if not copied:
                raise FileNotFoundError(f"{source} is missing, or excluded by .dockerignore")
            for file in copied:
                copy = into / (file.name if path.is_file() else file.relative_to(path))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, copy)

    def _environment(self, chain: list[Stage], root: Path) -> dict[str, str]:
        passed_on = {
            name: value for name, value in os.environ.items() if name.upper().startswith(_PASSED_ON)
        }
        cache = str(Path.home() / ".cache" / "pip")
        own = {
            name: _placed(value, root).replace("$PATH", f"{self._bin}:{os.defpath}")
            for name, value in dockerfile.merged(chain, "ENV").items()
        }
        return {"PIP_CACHE_DIR": cache} | _NO_COMPILER | passed_on | own


def _declared(stage: Stage, args: dict[str, str]) -> dict[str, str]:
    """Return the build arguments that a stage declares."""
    declared = dockerfile.merged([stage], "ARG")
    return declared | {name: value for name, value in args.items() if name in declared}


def execute(stage: str, command: str, work: Path, environment: dict[str, str]) -> None:
    """Execute a step of a stage in the folder ``work``, and print the time that it takes.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    print(f"{stage}: {command}", file=sys.stderr, flush=True)
    began = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["/bin/sh", "-c", command], cwd=work, env=environment, stdout=sys.stderr, check=True
    )
    print(f"{stage}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _placed(text: str, root: Path) -> str:
    """Return ``text`` with the image's paths replaced by those in the folder."""
    return _OURS.sub(f"{root}/", text)


def main() -> None:
    """Rehearse one image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("folder", type=Path)
    parser.add_argument("args", nargs="*", metavar="ARG=VALUE")
    given = parser.parse_args()
    pairs = dict(pair.split("=", 1) for pair in given.args)
    rehearsal = Rehearsal(given.target, given.folder, pairs)
    rehearsal.run()
    print(f"{given.target} is in {rehearsal.image}; its command: {' '.join(rehearsal.command())}")


if __name__ == "__main__":
    main()
