"""The models on this host's disk: their places, their digests, and what was checked of them.

A file is hashed once. Its digest is kept in ``checked.json``, inside a model's folder or beside a
file as ``.NAME.checked.json``, and holds while the file's size and modification time stay the same.
So a process that starts does not read a large model twice. ``videodrop models verify`` reads all.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import download, host
from pipeline.stages.models.registry import Model

SUMS = "SHA256SUMS"
"""The file with the digests of the files beside it, in the format of ``sha256sum``."""

_CHECKED = "checked.json"


def find(model: Model) -> Path | None:
    """Return the place of a model that is here, or None; its content is not read."""
    # An image has some of the samples as weights.
    sample = model.knows and not model.made_from
    for folder in (*([samples()] if sample else []), *_folders()):
        path = folder / model.path
        if is_whole(model, path):
            return path
    return None


def is_whole(model: Model, path: Path) -> bool:
    """Return True if all files of a model are there."""
    if not model.is_folder:
        return path.is_file()
    files = (file.name for file in model.files) if model.files else (_CHECKED,)
    return all((path / name).is_file() for name in files)


def place(name: str) -> Path:
    """Return where a file or folder of this name is to be stored."""
    return _folders()[-1] / name


def samples() -> Path:
    """Return the folder of the demonstration models."""
    return Path(str(files("samples"))) / "models"


def _folders() -> list[Path]:
    """Return the folders of models; new ones go to the last."""
    own = host.current().model_dir
    if own.is_dir() and not os.access(own, os.W_OK):
        return [own, _spare(own)]
    return [own]


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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a place among all processes, after making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by the kernel however this process ends
        yield


def need_space(path: Path, size: int) -> None:
    """Check that the disk of ``path`` has room for ``size`` bytes.

    Raises:
        MissingDependency: ``no_space``.
    """
    folder = path
    while not folder.exists():
        folder = folder.parent
    if (free := shutil.disk_usage(folder).free) < size:
        raise MissingDependency(
            "no_space",
            f"{path.name} needs {size / 1e6:,.0f} MB in {path.parent}, and {free / 1e6:,.0f} MB "
            "are free. Free some space, or set VIDEODROP_MODEL_DIR to a larger disk.",
        )


def publish(
    work: Path,
    path: Path,
    *,
    digests: Mapping[str, str] | None = None,
    made_from: str | None = None,
) -> None:
    """Give a complete file or folder its name; no reader sees a part of it.

    The caller holds the lock of ``path``.

    Args:
        work: the complete file or folder, on the same disk.
        path: its place; what is there is replaced.
        digests: digests of the files by name, where they are known.
        made_from: digest of the model that it was made from.
    """
    for file in _files(work):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    _write_checked(path, work, digests or {}, made_from)
    if path.is_dir():
        shutil.rmtree(path)
    _sync(work if work.is_dir() else work.parent)
    work.replace(path)
    _sync(path.parent)


def keep_only(folder: Path, names: set[str]) -> None:
    """Remove everything else from a folder; a file is left as it is."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in names:
                discard(path)


def discard(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a model, and what is kept beside it."""
    discard(path)
    for left in (checked_path(path).name, f"{path.name}.part", f"{path.name}.lock"):
        discard(path.with_name(left))


def file_sha256(path: Path, *, again: bool = False) -> str:
    """Return the digest of a file, from what was recorded of it if it has not changed.

    Args:
        path: the file.
        again: read the file in any case.
    """
    stat = path.stat()
    if not again and (kept := _kept(path, stat)):
        return kept
    if again:
        _sha256.cache_clear()
    return _sha256(path.resolve(), stat.st_size, stat.st_mtime_ns)


def folder_sha256(folder: Path) -> str:
    """Return a digest of the names and contents of a folder's files."""
    lines = (f"{file_sha256(path)}  {path.name}\n" for path in _files(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def pins(model: Model, path: Path) -> dict[Path, str]:
    """Return the digests that the files of a model must have.

    They are those of the table, of ``SHA256SUMS`` for a demonstration model, or those recorded when
    the model was made.
    """
    if model.files:
        return {path / file.name if model.is_folder else path: file.sha256 for file in model.files}
    if model.made_from:
        rows = _read_checked(checked_path(path)).get("files", {})
        return {path / name if path.is_dir() else path: row[0] for name, row in rows.items()}
    lines = (line.split() for line in (samples() / SUMS).read_text().splitlines())
    listed = {file.lstrip("*"): sha256 for sha256, file in lines}
    return {path: listed.get(path.name, "listed")}


def check(model: Model, path: Path, *, again: bool = False) -> None:
    """Compare a model's files with their pins, or with what was recorded when they were made.

    Args:
        model: the model.
        path: its file or folder.
        again: read all files, also those that have not changed since they were read.

    Raises:
        MissingDependency: ``model_checksum``.
    """
    for file, pinned in pins(model, path).items():
        if not file.is_file():
            raise MissingDependency(
                "model_checksum", f"{path} is not the whole {model.name}: it lacks {file.name}."
            )
        found = file_sha256(file, again=again)
        if found != pinned:
            raise download.checksum(model.name, file, found, pinned)


def made_from(path: Path) -> str | None:
    """Return the digest that a converted or exported model was made from, or None."""
    found = _read_checked(checked_path(path)).get("made_from")
    return found if isinstance(found, str) else None


def record(path: Path) -> None:
    """Record the digests of a file or a folder's files, if its folder is writable."""
    with suppress(OSError):
        _write_checked(path, path, {}, made_from(path))


@lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(path: Path) -> list[Path]:
    """Return a file, or the files of a folder without what was checked of them, by name."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() and file.name != _CHECKED)


def checked_path(path: Path) -> Path:
    """Return where the digests of a model's files are recorded."""
    return path / _CHECKED if path.is_dir() else path.with_name(f".{path.name}.{_CHECKED}")


def _kept(path: Path, stat: os.stat_result) -> str | None:
    """Return the recorded digest of a file, if it still has the recorded size and time."""
    for place in (path.with_name(_CHECKED), checked_path(path)):
        match _read_checked(place).get("files", {}).get(path.name):
            case [str(sha256), stat.st_size, stat.st_mtime_ns]:
                return sha256
    return None


def _read_checked(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_checked(
    path: Path, work: Path, digests: Mapping[str, str], made_from: str | None
) -> None:
    """Record the digests of ``work``, which is or becomes ``path``."""
    rows = {}
    for file in _files(work):
        stat = file.stat()
        name = file.name if work.is_dir() else path.name
        rows[name] = (digests.get(name) or file_sha256(file), stat.st_size, stat.st_mtime_ns)
    target = work / _CHECKED if work.is_dir() else checked_path(path)
    part = target.with_name(f"{target.name}.part")
    with part.open("w") as out:
        json.dump({"made_from": made_from, "files": rows}, out)
        out.flush()
        os.fsync(out.fileno())
    part.replace(target)


def _sync(folder: Path) -> None:
    """Write a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
