"""The data that ranges of a sound exchange: decisions for all of them, and the text of each."""

from pydantic import BaseModel, ConfigDict

from pipeline.core.stage import Notice
from pipeline.stages.transcribe.utterance import Utterance


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Decided(_Frozen):
    """The decisions of the plan, equal for all ranges.

    Attributes:
        track: stream index of the audio track to hear; None if the file has none.
        language: of the speech; detected in each window if None.
        notices: about these decisions.
    """

    track: int | None = None
    language: str | None = None
    notices: list[Notice] = []


class Failure(_Frozen):
    """The error that ended the decoding of a range; see ``VideodropError``."""

    code: str
    message: str


class Spoken(_Frozen):
    """The speech in a range.

    Attributes:
        utterances: in order, with times in seconds from the start of the file.
        damaged: the decoder reported errors.
        failure: why the sound could not be decoded to its end.
    """

    utterances: list[Utterance] = []
    damaged: bool = False
    failure: Failure | None = None
