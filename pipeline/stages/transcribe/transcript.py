"""What was said, when, and how sure we are: the types behind ``transcript.json``."""

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Word(_Frozen):
    """One word with its times in seconds.

    ``text`` is as the model wrote it: with its punctuation, and with a leading space where the
    language parts words by spaces, so that joining the words of a segment gives its text.
    """

    text: str
    start: float
    end: float
    probability: float


class Segment(_Frozen):
    """A stretch of speech the model took as one, with times in seconds.

    Attributes:
        probability: geometric mean over its tokens, 0 to 1.
        words: empty where word times were not asked for, or cannot be had (translation).
    """

    text: str
    start: float
    end: float
    probability: float
    words: list[Word] = []

    def shifted(self, seconds: float) -> "Segment":
        """The same segment, ``seconds`` later."""
        words = [
            word.model_copy(
                update={
                    "start": round(word.start + seconds, 3),
                    "end": round(word.end + seconds, 3),
                }
            )
            for word in self.words
        ]
        times = {"start": round(self.start + seconds, 3), "end": round(self.end + seconds, 3)}
        return self.model_copy(update={**times, "words": words})

    def timed_words(self) -> list[Word]:
        """Its words; without word times, the text's own words spread over it by their length."""
        if self.words:
            return self.words
        texts = [f" {text}" for text in self.text.split()]
        total = sum(map(len, texts))
        words, done = [], 0
        for text in texts:
            start = self.start + (self.end - self.start) * done / total
            done += len(text)
            end = self.start + (self.end - self.start) * done / total
            words.append(Word(text=text, start=start, end=end, probability=self.probability))
        return words


class ModelName(_Frozen):
    """Which weights said so, run by which engine."""

    name: str
    sha256: str
    engine: str
    engine_version: str


class Transcript(_Frozen):
    """All that was said in one video; ``transcript.json`` is this model as JSON.

    Attributes:
        language: ISO 639 code of the speech; None where there was none to tell it from.
        language_probability: 0 to 1; 1 where the language was given.
        duration: of the video, in seconds.
    """

    task: str
    language: str | None
    language_probability: float = Field(ge=0, le=1)
    duration: float
    model: ModelName
    segments: list[Segment]

    def words(self) -> list[Word]:
        """All words in order; for captions."""
        return [word for segment in self.segments for word in segment.timed_words()]

    def plain(self) -> str:
        """The text alone, one segment a line."""
        return "".join(f"{segment.text}\n" for segment in self.segments)
