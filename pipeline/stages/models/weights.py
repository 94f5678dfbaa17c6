"""Model weights: their sources and their checks.

A name means exactly one model:

* ``whisper-shapes``, ``yolo-shapes`` and ``yolo-shapes.pt``: the small sample models in this
  repository;
* an official name (``tiny`` … ``turbo``, ``yolo11n.pt`` …): kept in ``ModelHost.model_dir``, or in
  the temporary folder if that is read-only; fetched once, and rejected unless its sha256 is the
  pinned one;
* a path to the operator's own ``.pt`` or ``.onnx`` file, named in results by its sha256;
* a Whisper model's name and ``@int8``: the same with 8-bit weights, which ``bake`` makes once.

Nothing here imports torch, whisper or ultralytics.
"""

import fcntl
import hashlib
import http.client
import logging
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pipeline.core.errors import BadInput, DependencyFailed, MissingDependency
from pipeline.stages.models import host, official

SAMPLES = ("whisper-shapes", "yolo-shapes", "yolo-shapes.pt")
SUMS = "SHA256SUMS"
"""The file with the digests of the files beside it, in the format of ``sha256sum``."""


_SAMPLE_FILES = {"whisper-shapes": "whisper-shapes.pt", "yolo-shapes": "yolo-shapes.onnx"}
_log = logging.getLogger(__name__)
_INT8 = "@int8"
_TIMEOUT_S = 30.0
_BLOCK = 1 << 20
_SERVER_ERROR = 500


@dataclass(frozen=True)
class Weights:
    """A checkpoint on the local disk whose content has been checked.

    Attributes:
        name: the requested name.
        path: the local file.
        sha256: of its bytes.
        origin: ``sample`` and ``official`` files match a pinned digest, ``baked`` ones the digest
            recorded when they were made; a ``local`` one is not checked.
        made_from: sha256 of the source if it was baked.
    """

    name: str
    path: Path
    sha256: str
    origin: Literal["sample", "official", "baked", "local"]
    made_from: str | None = None


def resolve(name: str) -> Weights:
    """Find the weights called ``name``, fetching official ones on first use.

    Raises:
        BadInput: ``unknown_model``: no model has this name.
        MissingDependency: ``model_unavailable``: the file is missing and cannot be fetched;
            ``model_checksum``: the file has other bytes than pinned.
        DependencyFailed: ``model_download``: the download failed; a retry may succeed.
    """
    if name in SAMPLES:
        return _sample(name)
    if name in official.ALL:
        return _official(name)
    if base := int8_of(name):
        return _baked(name, base)
    path = Path(name)
    # A bare name is never a path: uploaders may give names (see upload_options), never paths.
    if path.suffix not in {".pt", ".onnx"} or "/" not in name:
        known = ", ".join((*SAMPLES, *official.ALL))
        raise BadInput(
            "unknown_model",
            f"There is no model {name!r}. Known are {known}, and paths such as ./my.pt.",
        )
    if not path.is_file():
        raise MissingDependency(
            "model_unavailable", f"There is no file {name!r}: put the checkpoint there."
        )
    return Weights(name, path, file_sha256(path), "local")


def choose(model: str, kind: Literal["speech", "objects"]) -> str:
    """Return the name of the model to use for ``auto``, and any other name as it is."""
    # MERGE: stands in for the registry's function, which prefers real models.
    if model != "auto":
        return model
    return "yolo-shapes" if kind == "objects" else "whisper-shapes"


def digest(name: str) -> str:
    """Return the sha256 of the weights called ``name``; pinned ones are not fetched for it.

    For baked weights it is that of their source, because the name records the conversion.

    Raises:
        VideodropError: as ``resolve`` does, for sample and local models.
    """
    name = int8_of(name) or name
    known = official.ALL.get(name)
    return known.sha256 if known else resolve(name).sha256


def int8_of(name: str) -> str | None:
    """Return the name of the Whisper model that ``name`` is an 8-bit version of, or None."""
    base = name.removesuffix(_INT8)
    is_whisper = base in official.WHISPER or base == SAMPLES[0]
    return base if is_whisper and base != name else None


def baked_path(base: str) -> Path:
    """Return the path of the 8-bit version of a Whisper model."""
    return host.current().model_dir / f"{base}.int8.pt"


def file_sha256(path: Path) -> str:
    """Hash a file; the result is cached until its size or modification time changes."""
    stat = path.stat()
    return _sha256(path.resolve(), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sample_dir() -> Path:
    return Path(str(files("samples"))) / "models"


def _sample(name: str) -> Weights:
    directory = _sample_dir()
    path = directory / _SAMPLE_FILES.get(name, name)
    if not (path.is_file() and path.with_name(SUMS).is_file()):
        raise MissingDependency(
            "model_unavailable",
            f"The sample model {name} is not in this installation. "
            f"Run from a clone of the repository, or choose another model.",
        )
    return _checked(name, path, _pinned(path), "sample")


def _baked(name: str, base: str) -> Weights:
    path = baked_path(base)
    if not path.is_file():
        raise MissingDependency(
            "model_unavailable",
            f"The model {name} is not on this machine. Make it: "
            f"python -m pipeline.stages.models.bake --into {path.parent} {name}",
        )
    found = _checked(name, path, _pinned(path), "baked")
    return replace(found, made_from=digest(base))


def _pinned(path: Path) -> str:
    """Return the digest of a file in the ``SHA256SUMS`` beside it."""
    lines = (line.split() for line in path.with_name(SUMS).read_text().splitlines())
    return {file.lstrip("*"): sha256 for sha256, file in lines}.get(path.name, "listed")


def _official(name: str) -> Weights:
    known = official.ALL[name]
    own = folder = host.current().model_dir
    if not (folder / known.file).is_file() and folder.is_dir() and not os.access(folder, os.W_OK):
        folder = _spare(folder)
    path = folder / known.file
    if not path.is_file():
        if folder != own:
            _log.warning(
                "The model %s is stored in %s until this machine ends, because %s is not "
                "writable. Build it into the image (WEIGHTS) to avoid a download at each start.",
                name,
                folder,
                own,
            )
        _fetch(name, known, path)
    return _checked(name, path, known.sha256, "official")


def _spare(folder: Path) -> Path:
    """Return a temporary folder for weights, used if the image's own folder is read-only."""
    spare = Path(tempfile.gettempdir()) / f"videodrop-models-{os.getuid()}"
    try:
        spare.mkdir(mode=0o700, exist_ok=True)
        owner = spare.lstat().st_uid
    except OSError:
        return folder  # writing there raises the error to report
    # Another user could change files in a folder of theirs between check and use.
    if owner != os.getuid() or spare.is_symlink():
        return folder
    return spare


def _checked(
    name: str, path: Path, pinned: str, origin: Literal["sample", "official", "baked"]
) -> Weights:
    if (found := file_sha256(path)) != pinned:
        raise MissingDependency(
            "model_checksum",
            f"{path} is not the pinned {name}: its sha256 is {found}, not {pinned}. "
            f"Delete it, or replace it by the right file.",
        )
    return Weights(name, path, found, origin)


def _fetch(name: str, known: official.Official, path: Path) -> None:
    """Download to ``path``, once among all processes; the file appears there when complete."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_name(f"{path.name}.lock")):
            if path.is_file():  # another process fetched it while we waited for the lock
                return
            part = path.with_name(f"{path.name}.part")
            try:
                _download(known.url, part)
                _checked(name, part, known.sha256, "official")
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise DependencyFailed(
            "model_download", f"The download of the model {name} failed ({error!r})."
        ) from error
    except OSError as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the response, with an open connection
            if error.code >= _SERVER_ERROR:
                raise DependencyFailed(
                    "model_download", f"The server of the model {name} failed ({error})."
                ) from error
        raise MissingDependency(
            "model_unavailable",
            f"The model {name} is not on this machine and cannot be fetched ({error}). "
            f"Fetch {known.url} elsewhere and put it at {path}, "
            f"or choose a sample model ({', '.join(SAMPLES)}), which needs no network.",
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the kernel however this process ends
        yield


def _download(url: str, target: Path) -> None:
    _log.info("fetching %s", url)
    with (
        urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer,  # noqa: S310 - our own https URLs
        target.open("wb") as out,
    ):
        size = int(answer.headers.get("Content-Length", 0))
        done, logged = 0, 0
        while block := answer.read(_BLOCK):
            out.write(block)
            done += len(block)
            if size and (tenth := 10 * done // size) > logged:
                logged = tenth
                _log.info("%s: %d of %d MB", target.stem, done >> 20, size >> 20)
    if done < size:
        raise http.client.IncompleteRead(b"", size - done)
