"""The interface of a speech model, independent of the library that runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from pipeline.stages.transcribe.transcript import Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Speaking:
    """The options of a transcription.

    Attributes:
        language: ISO 639 code of the speech.
        task: ``transcribe`` it, or ``translate`` it to English.
        beam_size: hypotheses followed at once; 1 is greedy.
        word_times: whether to find the times of each word.
        prompt: expected words, such as names.
    """

    language: str
    task: Literal["transcribe", "translate"]
    beam_size: int
    word_times: bool
    prompt: str | None


class SpeechEngine(Protocol):
    """A model that transcribes speech.

    Attributes:
        languages: ISO 639 codes that it supports; only ``en`` for an English-only model.
    """

    languages: tuple[str, ...]

    def detect_language(self, windows: Sequence["Samples"]) -> tuple[str, float]:
        """Detect the language of windows of speech.

        Args:
            windows: float32 at 16 kHz, [samples]; each up to 30 s.

        Returns:
            ISO 639 code, and its probability, 0 to 1.
        """

    def transcribe(self, window: "Samples", how: Speaking) -> list[Segment]:
        """Transcribe a window of up to 30 s; times are seconds from its start."""
