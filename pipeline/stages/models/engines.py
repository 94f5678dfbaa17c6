"""What a stage asks of a model, whatever library runs it.

Samples are mono float32 at 16 kHz in [-1, 1]; images are uint8 RGB of shape (height, width, 3).
"""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.stages.transcribe.transcript import Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Image = NDArray[np.uint8]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Speaking:
    """How to transcribe.

    Attributes:
        language: ISO 639 code of the speech.
        task: ``transcribe`` it, or ``translate`` it to English.
        beam_size: hypotheses followed at once; 1 is greedy.
        word_times: whether to find when each word was said.
        prompt: words to expect, such as names.
    """

    language: str
    task: Literal["transcribe", "translate"]
    beam_size: int
    word_times: bool
    prompt: str | None


class SpeechEngine(Protocol):
    """A model that writes down speech.

    Attributes:
        languages: ISO 639 codes it knows; one alone for an English-only model.
    """

    languages: tuple[str, ...]

    def detect_language(self, windows: Sequence["Samples"]) -> tuple[str, float]:
        """The language of these stretches of speech (each up to 30 s) and its probability."""

    def transcribe(self, window: "Samples", how: Speaking) -> list[Segment]:
        """What is said in a window of up to 30 s; times are seconds from its start."""


@dataclass(frozen=True)
class Detection:
    """One object in one image."""

    label: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Looking:
    """How to detect.

    Attributes:
        confidence: least confidence of a detection, 0 to 1.
        iou: overlap from which two boxes of a class are taken for one object, 0 to 1.
        image_size: the longer side is scaled to this many pixels.
        most: detections kept in an image.
        labels: only these; None for all the model knows.
    """

    confidence: float
    iou: float
    image_size: int
    most: int
    labels: tuple[str, ...] | None


class ObjectEngine(Protocol):
    """A model that finds objects.

    Attributes:
        labels: what it can find.
        image_size: side in pixels it was trained at.
        batch: how many images it likes to see at once on this device.
    """

    labels: tuple[str, ...]
    image_size: int
    batch: int

    def detect(self, images: Sequence["Image"], how: Looking) -> list[list[Detection]]:
        """Objects in each image, the surest first; boxes in the pixels of the image given."""


def version(package: str, extra: str) -> str:
    """Version of an engine's library, without importing it; that of other hosts if it is not here.

    Raises:
        MissingDependency: ``extra_missing``: it is not installed.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        if elsewhere := Settings().engines.get(package):
            return elsewhere
        raise MissingDependency(
            "extra_missing",
            f'This needs the extra "{extra}"; `videodrop doctor` says how to get it.',
        ) from error
