"""What transcription asks of a speech model, whatever library runs it."""

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
