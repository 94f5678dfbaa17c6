"""The table of models: names, files, digests, sizes, licences and sources.

``registry.json`` holds the rows. Every file is pinned to the sha256 of its bytes, wherever it is
fetched from. OpenAI's digests are those in the ``openai-whisper`` package (a test compares the
two). The other publishers print none beside their files: these digests agree with those that
several independent projects pin.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Kind = Literal["speech", "objects"]
Form = Literal["ctranslate2", "onnx", "torch"]

AUTO = "auto"
"""The name of the best real model that this host has."""

DEMONSTRATION: dict[Kind, str] = {"speech": "whisper-shapes", "objects": "yolo-shapes"}
ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}

_PATH = Path(__file__).with_name("registry.json")


@dataclass(frozen=True)
class File:
    """A published file: its name, size in bytes, digest, and the publisher's address."""

    name: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True)
class Model:
    """A model that has a name.

    Attributes:
        name: as settings and results say it.
        kind: what it recognises.
        form: the format, which decides the engine. A CTranslate2 model is a folder.
        path: its file or folder below the folder of models, and below a mirror.
        licence: SPDX identifier.
        source: the project that publishes it.
        files: what is fetched; none if it is made here or part of this repository.
        languages: of speech.
        made_from: name of the model that it is converted or exported from, on this host.
        knows: what a demonstration model knows; None for a real one.
    """

    name: str
    kind: Kind
    form: Form
    path: str
    licence: str
    source: str
    files: tuple[File, ...] = ()
    languages: str = ""
    made_from: str | None = None
    knows: str | None = None

    @property
    def size(self) -> int:
        """Return the number of bytes to fetch."""
        return sum(file.size for file in self.files)

    @property
    def is_folder(self) -> bool:
        """Return True if the model is a folder of files."""
        return self.form == "ctranslate2"

    @property
    def sha256(self) -> str | None:
        """Return the digest that names the model, or None if it has no published file.

        It is that of the weights: of the checkpoint, or of a conversion's ``model.bin``. So it does
        not depend on where the files came from.
        """
        weights = ("model.bin", self.path)
        return next((file.sha256 for file in self.files if file.name in weights), None)


@cache
def models() -> dict[str, Model]:
    """Return all models by name."""
    rows: list[dict[str, Any]] = json.loads(_PATH.read_bytes())
    return {row["name"]: _model(**row) for row in rows}


def _model(*, files: Sequence[tuple[str, int, str]] = (), address: str = "", **row: Any) -> Model:
    return Model(files=tuple(File(*file, f"{address}/{file[0]}") for file in files), **row)


def get(name: str) -> Model | None:
    """Return the model of a name or an alias, or None."""
    return models().get(ALIASES.get(name, name))


def names() -> list[str]:
    """Return all names and aliases."""
    return [*models(), *ALIASES]


def in_form(model: Model, form: Form) -> Model | None:
    """Return the same model in another format, or None: ``base`` as ``base.pt``."""
    if model.form == form:
        return model
    stem = model.name.removesuffix(".pt").removesuffix(".onnx")
    others = (models().get(name) for name in (stem, f"{stem}.pt", f"{stem}.onnx"))
    return next(
        (other for other in others if other and (other.kind, other.form) == (model.kind, form)),
        None,
    )


def preferred(kind: Kind, *, gpu: bool) -> tuple[str, ...]:
    """Return the real models that ``auto`` may mean, the best for this host first."""
    if kind == "objects":
        return ("yolox-s", "yolox-tiny", "yolox-nano")
    return ("turbo", "base") if gpu else ("base",)
