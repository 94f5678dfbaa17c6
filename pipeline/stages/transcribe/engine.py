"""The interface of a speech model, independent of the library that runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from pipeline.stages.transcribe.transcript import Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


@dataclass(frozen=True)
class SpeechOptions:
    """The options of a transcription.

    Attributes:
        task: ``transcribe`` speech, or ``translate`` it to English.
        beam_size: hypotheses followed at once; 1 is greedy.
        word_times: whether to find the times of each word.
        prompt: expected words, such as names.
    """

    task: Literal["transcribe", "translate"]
    beam_size: int
    word_times: bool
    prompt: str | None


class Heard(NamedTuple):
    """The transcription of a window.

    Attributes:
        segments: with times in seconds from the window's start.
        until: the model transcribed the window up to this second; it left out what comes later.
    """

    segments: list[Segment]
    until: float


class SpeechEngine(Protocol):
    """A model that transcribes speech.

    A window is encoded once. Its encoding serves language detection, text and word times.

    Attributes:
        languages: ISO 639 codes that it supports; only ``en`` for an English-only model.
        batch: best number of windows to encode at once on this device.
    """

    languages: tuple[str, ...]
    batch: int

    def encode(self, windows: Sequence["Samples"]) -> Any:
        """Encode windows for the other methods.

        Args:
            windows: float32 at 16 kHz, [samples]; each up to 30 s.
        """

    def detect_languages(self, encoded: Any) -> list[Mapping[str, float]]:
        """Return, for each encoded window, the probability of each language, 0 to 1."""

    def transcribe(
        self, encoded: Any, languages: Sequence[str], options: SpeechOptions
    ) -> list[Heard]:
        """Transcribe encoded windows, each in its language."""
