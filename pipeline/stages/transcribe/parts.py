"""The data that ranges of a sound exchange: decisions for all of them, and the text of each."""

from collections.abc import Sequence
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from pipeline.core.ranges import Plan, Range
from pipeline.core.stage import Notice
from pipeline.stages.transcribe.cuts import boundaries
from pipeline.stages.transcribe.utterance import Utterance


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Decided(_Frozen):
    """The decisions of the plan, equal for all ranges.

    Attributes:
        track: stream index of the audio track to hear; None if the file has none.
        language: of the speech; detected in each window if None.
        notices: about these decisions.
        cuts: seconds at which a section ends within a range.
    """

    track: int | None = None
    language: str | None = None
    notices: list[Notice] = []
    cuts: list[float] = []

    def plan(self, edges: Sequence[float], sections: int = 1) -> Plan:
        """Return the plan with ranges of so many sections.

        The last one has from half as many to one and a half times.

        Args:
            edges: start of each section and end of the last one, seconds.
            sections: of a range.
        """
        ends = [edges[int(place)] for place in boundaries(len(edges) - 1, sections)]
        decided = self.model_copy(update={"cuts": sorted({*edges[1:-1]} - {*ends})})
        return Plan(
            ranges=tuple(
                Range(name=f"speech-{number:04}", start_s=start, end_s=end)
                for number, (start, end) in enumerate(pairwise([edges[0], *ends, edges[-1]]))
            ),
            data=decided.model_dump(mode="json"),
        )

    def sections(self, of: Range) -> list[Range]:
        """Return the sections of a range."""
        inner = [cut for cut in self.cuts if of.start_s < cut < of.end_s]
        return [
            Range(name=of.name, start_s=start, end_s=end)
            for start, end in pairwise([of.start_s, *inner, of.end_s])
        ]


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

    @classmethod
    def joined(cls, found: Sequence["Spoken"]) -> "Spoken":
        """Return the speech in a range, from that in its sections."""
        failures = [one.failure for one in found if one.failure]
        return cls(
            utterances=[utterance for one in found for utterance in one.utterances],
            damaged=any(one.damaged for one in found),
            failure=failures[0] if len(failures) == len(found) else None,
        )
