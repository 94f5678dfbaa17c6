"""Compose files as Docker Compose reads them: variables, merged files, extended services.

https://docs.docker.com/reference/compose-file/
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
SECRETS = {name: f"a-secret-for-tests-{name}" for name in ("AWS_KEY", "AWS_SECRET", "API_TOKEN")}
ENV = {f"VIDEODROP_{name}": value for name, value in SECRETS.items()}
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_APPENDED = {"volumes", "ports", "secrets"}


def load(*files: str, env: Mapping[str, str] = ENV) -> dict[str, Any]:
    """Return the project that these files of ``deploy/`` make, without ``x-`` fields.

    Raises:
        ValueError: a variable that a file requires is not set.
    """
    project: dict[str, Any] = {}
    for name in files:
        project = _merged(project, _read(name, env))
    for service in project["services"].values():
        # Variables without a value are taken over if they are set.
        given = {k: env.get(k) if v is None else v for k, v in service["environment"].items()}
        service["environment"] = {k: str(v) for k, v in given.items() if v is not None}
    return project


def _read(name: str, env: Mapping[str, str]) -> dict[str, Any]:
    text = _VARIABLE.sub(lambda found: _value(*found.groups(), env), (DEPLOY / name).read_text())
    read = {key: value for key, value in yaml.safe_load(text).items() if not key.startswith("x-")}
    for service, own in read["services"].items():
        if base := own.pop("extends", None):
            of = _read(base["file"], env)["services"][base["service"]]
            read["services"][service] = _merged(of, own)
    return read


def _value(name: str, sign: str | None, rest: str | None, env: Mapping[str, str]) -> str:
    if found := env.get(name):
        return found
    if sign == "?":
        raise ValueError(f"{name}: {rest}")
    return rest or ""


def _merged(first: Any, second: Any, key: str = "") -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        both = {k: _merged(first[k], second[k], k) for k in first.keys() & second.keys()}
        return first | second | both
    return first + second if key in _APPENDED else second
