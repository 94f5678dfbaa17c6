"""Models made on this host from others: conversions to CTranslate2, and exports to ONNX."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.stages.models import download, fetch, formats, registry, store
from pipeline.stages.models.vocabulary import ENGLISH_ONLY

Export = Callable[[Path], Path]
"""A function that exports a checkpoint into a folder, and returns the file that it wrote."""


def convert(
    source: Path,
    target: Path,
    *,
    sha256: str,
    vocabulary: Path | None = None,
    progress: download.Progress | None = None,
) -> None:
    """Convert a Whisper checkpoint into the folder ``target``, once among all processes.

    Args:
        source: OpenAI's ``.pt`` format.
        target: a new place, or that of a conversion of an earlier checkpoint.
        sha256: digest of ``source``.
        vocabulary: its ``vocabulary.txt`` or ``.json``; by default the published one of its kind.
        progress: shows the download of the vocabulary, where it is not here.

    Raises:
        MissingDependency: ``model_format``: the source is not a Whisper checkpoint; ``no_space``;
            ``model_unavailable``: its vocabulary cannot be fetched.
        DependencyFailed: ``model_download``.
    """
    from pipeline.stages.models import conversion  # noqa: PLC0415 - numpy and CTranslate2

    words = vocabulary or _vocabulary(source, progress)
    with store.locked(target):
        if is_made(target, sha256):  # another process made it while we waited for the lock
            return
        store.need_space(target, 2 * source.stat().st_size)
        part = target.with_name(f"{target.name}.part")
        store.discard(part)
        try:
            conversion.convert(source, words, part, sha256=sha256)
            store.publish(part, target, made_from=sha256)
        except BaseException:
            store.discard(part)
            raise


def _vocabulary(source: Path, progress: download.Progress | None) -> Path:
    """Return the vocabulary of a checkpoint: beside it, from a model that is here, or fetched."""
    english = formats.whisper_tokens(source) == ENGLISH_ONLY
    whole = registry.models()["tiny.en" if english else "base"]
    known = next(file for file in whole.files if file.name == "vocabulary.txt")
    for folder in (source.parent, *(store.place(name) for name in ("base", "tiny.en"))):
        path = folder / known.name
        if path.is_file() and store.file_sha256(path) == known.sha256:
            return path
    name = "vocabulary.en" if english else "vocabulary"
    alone = replace(whole, name=name, path=name, files=(known,))
    target = store.find(alone) or store.place(name)
    if not target.exists():
        fetch.fetch(alone, target, progress)
    store.check(alone, target)
    return target / known.name


def export(target: Path, *, sha256: str, with_function: Export) -> None:
    """Export a detector to the ONNX file ``target``.

    Args:
        target: the place of the ONNX file.
        sha256: digest of the checkpoint.
        with_function: see ``Export``.

    Raises:
        MissingDependency: ``model_format``: what was written is not an ONNX model.
    """
    with store.locked(target):
        work = target.with_name(f"{target.name}.part")
        store.discard(work)
        work.mkdir()
        try:
            written = with_function(work)
            formats.form_of(written)
            store.publish(written, target, made_from=sha256)
        finally:
            store.discard(work)


def is_made(path: Path, sha256: str) -> bool:
    """Return True if ``path`` was made here from the model with this digest."""
    return path.exists() and store.made_from(path) == sha256
