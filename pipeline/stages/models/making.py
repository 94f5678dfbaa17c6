"""Models made on this host from others: conversions to CTranslate2, and exports to ONNX."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.stages.models import download, fetch, formats, registry, store

Export = Callable[[Path, Path], Path]
"""A function that exports a checkpoint into a folder, and returns the file that it wrote."""


def convert(
    source: Path,
    target: Path,
    *,
    sha256: str,
    sample: bool = False,
    progress: download.Progress | None = None,
) -> None:
    """Convert a Whisper checkpoint into the folder ``target``, once among all processes.

    Args:
        source: OpenAI's ``.pt`` format.
        target: a new place, or that of a conversion of an earlier checkpoint.
        sha256: digest of ``source``.
        sample: whether it is the demonstration model, which needs no network.
        progress: shows the download of the tokenizer, where it is not here.

    Raises:
        MissingDependency: ``model_format``: the source is not a Whisper checkpoint; ``no_space``;
            ``model_unavailable``: its tokenizer cannot be fetched.
        DependencyFailed: ``model_download``.
    """
    from pipeline.stages.models import conversion  # noqa: PLC0415 - numpy and CTranslate2

    tokenizer = None if sample else _tokenizer(source, progress)
    with store.locked(target):
        if is_made(target, sha256):  # another process made it while we waited for the lock
            return
        store.need_space(target, 2 * source.stat().st_size)
        part = target.with_name(f"{target.name}.part")
        store.remove(part)
        try:
            conversion.convert(source, tokenizer, part)
            store.publish(part, target, made_from=sha256)
        except BaseException:
            store.remove(part)
            raise


def _tokenizer(source: Path, progress: download.Progress | None) -> Path:
    """Return the tokenizer of a checkpoint: beside it, from a model that is here, or fetched."""
    english = formats.whisper_tokens(source) == formats.ENGLISH_ONLY
    whole = registry.models()["tiny.en" if english else "base"]
    known = next(file for file in whole.files if file.name == "tokenizer.json")
    for folder in (source.parent, *(store.place(name) for name in ("base", "tiny.en"))):
        path = folder / known.name
        if path.is_file() and store.file_sha256(path) == known.sha256:
            return path
    name = "tokenizer.en" if english else "tokenizer"
    alone = replace(whole, name=name, path=name, files=(known,))
    target = store.find(alone) or store.place(name)
    if not target.exists():
        fetch.fetch(alone, target, progress)
    store.check(alone, target)
    return target / known.name


def export(source: Path, target: Path, *, sha256: str, with_function: Export) -> None:
    """Export a detector to the ONNX file ``target``.

    Args:
        source: a checkpoint of Ultralytics.
        target: the place of the ONNX file.
        sha256: digest of ``source``.
        with_function: see ``Export``.
    """
    with store.locked(target):
        work = target.with_name(f"{target.name}.part")
        store.remove(work)
        work.mkdir()
        try:
            written = with_function(source, work)
            formats.form_of(written)
            store.publish(written, target, made_from=sha256)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def is_made(path: Path, sha256: str) -> bool:
    """Return True if ``path`` was made here from the model with this digest."""
    return path.exists() and store.made_from(path) == sha256
