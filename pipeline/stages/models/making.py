"""Models made on this host from others: conversions to CTranslate2, and exports to ONNX."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.stages.models import formats, registry, store

Export = Callable[[Path, Path], Path]
"""A function that exports a checkpoint into a folder, and returns the file that it wrote."""


def convert(source: Path, target: Path, *, sha256: str, tokenizer: Path | None) -> None:
    """Convert a Whisper checkpoint into the folder ``target``, once among all processes.

    Args:
        source: OpenAI's ``.pt`` format.
        target: a new place, or that of a conversion of an earlier checkpoint.
        sha256: digest of ``source``.
        tokenizer: the published ``tokenizer.json`` of such models, if it is here.

    Raises:
        MissingDependency: ``model_format``: the source is not a Whisper checkpoint; ``no_space``.
    """
    from pipeline.stages.models import conversion  # noqa: PLC0415 - numpy and CTranslate2

    formats.whisper_tokens(source)
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


def tokenizer_of(source: Path) -> registry.Model:
    """Return the published tokenizer of a Whisper checkpoint, as a folder with one file."""
    english = formats.whisper_tokens(source) == formats.ENGLISH_ONLY
    whole = registry.models()["tiny.en" if english else "base"]
    name = "tokenizer.en" if english else "tokenizer"
    files = tuple(file for file in whole.files if file.name == "tokenizer.json")
    return replace(whole, name=name, path=name, files=files)
