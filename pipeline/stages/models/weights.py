"""Model weights: from a name to checked files on this host's disk.

A name means exactly one model:

* ``auto``: the best real model that this host has, else a demonstration model; see ``choose``;
* a name in ``registry.json`` (``base``, ``yolox-s``, ``yolo11n.pt`` …): kept in
  ``ModelHost.model_dir``, or in the temporary folder if that is read-only; fetched once, and
  rejected unless its sha256 is the pinned one;
* a path to the operator's own ``.pt`` or ``.onnx`` file or CTranslate2 folder, named in results by
  the sha256 of its content.

Nothing here imports torch, CTranslate2, ONNX Runtime, whisper or ultralytics.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.errors import BadInput, MissingDependency, VideodropError
from pipeline.stages.models import download, fetch, formats, host, making, registry, store
from pipeline.stages.models.registry import Form, Kind, Model

_log = logging.getLogger(__name__)
_FORMS: dict[Form, str] = {"ctranslate2": "CTranslate2", "onnx": "ONNX", "torch": "torch"}
_WORDS = "whisper-shapes.vocabulary.json"
_STAGES: dict[Kind, str] = {"speech": "transcribe", "objects": "detect"}


@dataclass(frozen=True)
class Weights:
    """A model on the local disk whose content has been checked.

    Attributes:
        name: the requested name.
        path: the local file; for CTranslate2 the folder.
        sha256: the digest that names it in results; see ``digest``.
        origin: ``sample`` and ``official`` files match a pinned digest, ``made`` ones the digests
            recorded when they were made; a ``local`` one is not checked.
        form: its format.
        kind: what it recognises; None for a local one.
        knows: what a demonstration model knows; None for any other.
    """

    name: str
    path: Path
    sha256: str
    origin: Literal["sample", "official", "made", "local"]
    form: Form
    kind: Kind | None = None
    knows: str | None = None

    @property
    def demo(self) -> bool:
        """Return True for a demonstration model."""
        return self.knows is not None


def choose(model: str, kind: Kind, *, try_fetch: bool = False) -> str:
    """Return the concrete name for ``auto`` on this host, and any other name as it is.

    Args:
        model: a name, a path or ``auto``.
        kind: what it is for.
        try_fetch: fetch the best model once if it is not here; else nothing uses the network.

    Raises:
        BadInput: ``unknown_model``: the model is of the other kind.
    """
    if model != registry.AUTO:
        known = registry.get(model)
        if known and known.kind != kind:
            raise BadInput(
                "unknown_model",
                f"The model {model} is for {_STAGES[known.kind]}, not for {_STAGES[kind]}.",
            )
        return model
    wanted = registry.preferred(kind, gpu=host.current().has_gpu)
    if try_fetch:
        get_default(kind)
    here = (name for name in wanted if is_here(name))
    return next(here, registry.DEMONSTRATION[kind])


def default(kind: Kind) -> str:
    """Return the name of the model that ``auto`` stands for if everything can be had."""
    return registry.preferred(kind, gpu=host.current().has_gpu)[0]


def get_default(kind: Kind, progress: download.Progress | None = None) -> bool:
    """Fetch the model that ``auto`` stands for; return True if it is here then.

    A failure is one line in the log: the demonstration models remain.
    """
    name = default(kind)
    if is_here(name):
        return True
    if not host.current().fetch:
        return False
    try:
        resolve(name, progress=progress)
    except VideodropError as error:
        _log.warning("%s", error.message)
        return False
    return True


def is_here(name: str) -> bool:
    """Return True if a model is on this host; its content is not read."""
    model = registry.get(name)
    return model is not None and store.find(model) is not None


def resolve(
    name: str, form: Form | None = None, *, progress: download.Progress | None = None
) -> Weights:
    """Find the weights called ``name``; fetch or convert them on first use.

    Args:
        name: a name in the table, or a path.
        form: the format to have it in, where there are several: ``base`` in ``torch`` is OpenAI's
            checkpoint, and a path to one in ``ctranslate2`` its conversion.
        progress: shows downloads.

    Raises:
        BadInput: ``unknown_model``: no model has this name.
        MissingDependency: ``model_unavailable``: the model is missing and cannot be fetched;
            ``model_checksum``: a file has other bytes than pinned; ``model_format``: it is not in
            this format; ``no_space``.
        DependencyFailed: ``model_download``: the download failed; a retry may succeed.
    """
    model = _known(name, form)
    if model is None:
        return _local(name, form, progress)
    if model.made_from:
        return _made(name, model, progress)
    path = store.find(model)
    if model.knows:
        return _sample(name, model, path)
    if path is None:
        path = store.place(model.path)
        _warn_of_spare(name, path)
        fetch.fetch(model, path, progress)
    store.check(model, path)
    return _weights(name, model, path, digest(name, form), "official")


def digest(name: str, form: Form | None = None) -> str:
    """Return the digest that names a model in results; pinned ones are not fetched for it.

    It is the sha256 of the published weights: of a checkpoint, or of a conversion's ``model.bin``.
    A model that is made here has the digest of its source, because the name records the conversion.

    Raises:
        VideodropError: as ``resolve`` does, for demonstration and local models.
    """
    model = _known(name, form)
    while model and model.made_from:
        model = registry.models()[model.made_from]
    if model is None:
        path = Path(_path(name))
        formats.form_of(path)
        return store.folder_sha256(path) if path.is_dir() else store.file_sha256(path)
    return model.sha256 or _sample(name, model, store.find(model)).sha256


def convert(checkpoint: Path, name: str, *, progress: download.Progress | None = None) -> Path:
    """Convert an own Whisper checkpoint into a folder of this name beside the other models.

    Raises:
        VideodropError: as ``resolve`` does.
    """
    source = _local(str(checkpoint.resolve()), "torch", None)
    target = store.place(name)
    making.convert(source.path, target, sha256=source.sha256, progress=progress)
    return target


def verify(name: str) -> Weights:
    """Read a model of the table that is here again, and compare all of it with what is pinned.

    Raises:
        MissingDependency: ``model_unavailable``: it is not here; ``model_checksum``.
    """
    model = _known(name, None)
    path = store.find(model) if model else None
    if model is None or path is None:
        raise MissingDependency("model_unavailable", f"The model {name} is not on this machine.")
    store.check(model, path, again=True)
    return resolve(name)


def _known(name: str, form: Form | None) -> Model | None:
    """Return the model of a name in a format; None for a path."""
    model = registry.get(name)
    if model is None or form is None:
        return model
    if (other := registry.in_form(model, form)) is None:
        raise MissingDependency("model_format", f"The model {name} is not for {_FORMS[form]}.")
    return other


def _weights(
    name: str,
    model: Model,
    path: Path,
    sha256: str,
    origin: Literal["sample", "official", "made"],
) -> Weights:
    return Weights(name, path, sha256, origin, model.form, model.kind, model.knows)


def _sample(name: str, model: Model, path: Path | None) -> Weights:
    sums = store.samples() / store.SUMS
    if path is None or not sums.is_file():
        raise MissingDependency(
            "model_unavailable",
            f"The demonstration model {name} is not in this installation. "
            f"Run from a clone of the repository, or choose another model.",
        )
    store.check(model, path)
    return _weights(name, model, path, store.file_sha256(path), "sample")


def _made(name: str, model: Model, progress: download.Progress | None) -> Weights:
    """Return a model that is converted here on first use, or was exported by a command."""
    sha256 = digest(model.name)
    path = store.find(model)
    if path is None or not making.is_made(path, sha256):
        if model.form == "onnx":
            raise MissingDependency(
                "model_unavailable",
                f"The model {name} is not on this machine. Make it: videodrop models export {name}",
            )
        path = store.place(model.path)
        source = resolve(str(model.made_from), progress=progress)
        words = store.samples() / _WORDS if source.demo else None
        making.convert(source.path, path, sha256=sha256, vocabulary=words, progress=progress)
    store.check(model, path)
    return _weights(name, model, path, sha256, "made")


def _path(name: str) -> str:
    # A bare name is never a path: uploaders may give names (see upload_options), never paths.
    if "/" not in name:
        known = ", ".join((registry.AUTO, *registry.names()))
        raise BadInput(
            "unknown_model",
            f"There is no model {name!r}. Known are {known}, and paths such as ./my.pt.",
        )
    return name


def _local(name: str, form: Form | None, progress: download.Progress | None) -> Weights:
    path = Path(_path(name))
    have = formats.form_of(path)
    sha256 = digest(name)
    if form and (have, form) == ("torch", "ctranslate2"):
        target = store.place(f"converted-{sha256[:16]}")
        making.convert(path, target, sha256=sha256, progress=progress)
        return Weights(name, target, sha256, "local", "ctranslate2")
    if form and form != have:
        raise MissingDependency(
            "model_format", f"{name} is in the format of {_FORMS[have]}, not of {_FORMS[form]}."
        )
    return Weights(name, path, sha256, "local", have)


def _warn_of_spare(name: str, path: Path) -> None:
    own = host.current().model_dir
    if path.parent != own:
        _log.warning(
            "The model %s is stored in %s until this machine ends, because %s is not "
            "writable. Build it into the image (WEIGHTS) to avoid a download at each start.",
            name,
            path.parent,
            own,
        )
