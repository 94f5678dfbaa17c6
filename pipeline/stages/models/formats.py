"""The formats of model files, recognised without loading any of them."""

import json
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any, NoReturn

from pipeline.core.errors import MissingDependency
from pipeline.stages.models.registry import Form

_ONNX_START = b"\x08"  # its first field, the version of the format
_WEIGHTS, _CONFIG = "model.bin", "config.json"
_VOCABULARIES = ("vocabulary.txt", "vocabulary.json", "tokenizer.json")
_SPECIFICATION = b"WhisperSpec"
_LARGEST_PICKLE = 64 << 20


def form_of(path: Path) -> Form:
    """Return the format of a model, after a check that it is one.

    Raises:
        MissingDependency: ``model_unavailable``: nothing is there; ``model_format``: it is no
            model, or truncated.
    """
    if path.is_dir():
        _check_folder(path)
        return "ctranslate2"
    if not path.is_file():
        raise MissingDependency(
            "model_unavailable", f"There is no file {str(path)!r}: put the model there."
        )
    if path.suffix == ".onnx":
        with path.open("rb") as file:
            if file.read(1) != _ONNX_START:
                _refuse(path, "it is not an ONNX model")
        return "onnx"
    if not zipfile.is_zipfile(path):
        _refuse(path, "it is not a checkpoint of torch, or it is truncated")
    return "torch"


def whisper_tokens(path: Path) -> int:
    """Return the number of tokens of a Whisper checkpoint.

    Raises:
        MissingDependency: ``model_format``: it is not one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inside = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            if archive.getinfo(inside).file_size > _LARGEST_PICKLE:
                raise ValueError("its index is too large")
            with archive.open(inside) as file:
                found = _Structure(file).load()
        return int(found["dims"]["n_vocab"])
    except Exception as error:  # noqa: BLE001 - a hostile pickle may raise anything
        _refuse(path, "it is not a Whisper checkpoint of OpenAI's format", error)


def _check_folder(path: Path) -> None:
    weights = path / _WEIGHTS
    if not (weights.is_file() and any((path / name).is_file() for name in _VOCABULARIES)):
        _refuse(path, f"it has no {_WEIGHTS} with a vocabulary, as CTranslate2 writes them")
    with weights.open("rb") as file:
        if _SPECIFICATION not in file.read(32):
            _refuse(path, "its model.bin is not a Whisper model of CTranslate2")
    try:
        json.loads((path / _CONFIG).read_bytes())
    except (OSError, ValueError) as error:
        _refuse(path, f"its {_CONFIG} is missing or damaged", error)


def _refuse(path: Path, why: str, cause: BaseException | None = None) -> NoReturn:
    raise MissingDependency("model_format", f"{path} cannot be used: {why}.") from cause


class _Structure(pickle.Unpickler):
    """A reader of a checkpoint's structure that runs no code and reads no tensors."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        """Return a stand-in for every class; nothing is imported."""
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        return _Nothing

    def persistent_load(self, _pid: Any) -> None:
        """Return nothing in place of a tensor's bytes."""


class _Nothing:
    """The stand-in for whatever a checkpoint holds besides numbers and names."""

    def __init__(self, *_args: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass
