"""The transcription of one window of speech."""

from pydantic import BaseModel, ConfigDict

from pipeline.stages.transcribe.transcript import Segment


class Utterance(BaseModel):
    """The transcription of one window.

    Attributes:
        segments: with times in seconds from the start of the sound.
        language: ISO 639 code.
        probability: of the language, 0 to 1.
        speech_s: seconds with a voice.
    """

    model_config = ConfigDict(frozen=True)

    segments: list[Segment]
    language: str
    probability: float
    speech_s: float

    def shifted(self, seconds: float) -> "Utterance":
        """Return the same utterance, ``seconds`` later."""
        segments = [one.moved(lambda time: time + seconds) for one in self.segments]
        return self.model_copy(update={"segments": segments})
