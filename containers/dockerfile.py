"""A parser of the Dockerfile, for the instructions that ours uses.

https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATH: Final = Path(__file__).with_name("Dockerfile")
_FROM = re.compile(r"(?P<parent>\S+) AS (?P<name>\S+)")
_FLAG = re.compile(r"--(?P<name>[\w-]+)=(?P<value>\S+)\s+")


@dataclass(frozen=True)
class Step:
    """An instruction: its word, its flags, and its arguments on one line."""

    word: str
    flags: dict[str, str]
    rest: str

    @property
    def pairs(self) -> dict[str, str]:
        """Return the pairs of an ENV, LABEL or ARG."""
        return dict(pair.partition("=")[::2] for pair in shlex.split(self.rest))

    @property
    def words(self) -> list[str]:
        """Return the arguments: of a command in exec form, or of a COPY."""
        if self.rest.startswith("["):
            return list(map(str, json.loads(self.rest)))
        return shlex.split(self.rest)


@dataclass(frozen=True)
class Stage:
    """A build stage: the steps from one FROM to the next."""

    name: str
    parent: str
    steps: tuple[Step, ...]


def read(path: Path = PATH) -> dict[str, Stage]:
    """Return the stages of a Dockerfile, by name.

    Raises:
        ValueError: a stage has no name.
    """
    stages: dict[str, Stage] = {}
    steps: list[Step] = []
    for step in _steps(path.read_text(encoding="utf-8")):
        if step.word == "FROM":
            found = _FROM.fullmatch(step.rest)
            if not found:
                raise ValueError(f"FROM {step.rest}: name the stage")
            steps = []
            stages[found["name"]] = Stage(found["name"], found["parent"], ())
        elif stages:
            steps.append(step)
            name, last = next(reversed(stages.items()))
            stages[name] = Stage(last.name, last.parent, tuple(steps))
    return stages


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """Return a stage after its parents, the first one first."""
    stage = stages[name]
    before = lineage(stages, stage.parent) if stage.parent in stages else []
    return [*before, stage]


def last(chain: list[Stage], word: str, default: str | None = None) -> Step:
    """Return an image's last instruction of a word, which replaces earlier ones.

    Raises:
        LookupError: there is neither an instruction nor a default.
    """
    found = [step for stage in chain for step in stage.steps if step.word == word]
    if found:
        return found[-1]
    if default is None:
        raise LookupError(f"{chain[-1].name} has no {word}")
    return Step(word, {}, default)


def merged(chain: list[Stage], word: str) -> dict[str, str]:
    """Return the pairs of all ENVs, LABELs or ARGs of an image."""
    pairs: dict[str, str] = {}
    for stage in chain:
        for step in stage.steps:
            if step.word == word:
                pairs |= step.pairs
    return pairs


def _steps(text: str) -> Iterator[Step]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        flags: dict[str, str] = {}
        rest = rest.strip()
        while found := _FLAG.match(rest):
            flags[found["name"]] = found["value"]
            rest = rest[found.end() :]
        if word:
            yield Step(word, flags, re.sub(r"\s+", " ", rest))
