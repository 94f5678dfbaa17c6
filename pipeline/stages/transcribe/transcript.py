"""The types of ``transcript.json``: text with times and probabilities."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Word(_Frozen):
    """One word with its times in seconds.

    ``text`` is the model's output: with its punctuation, and with a leading space where the
    language separates words by spaces. The joined words of a segment are its text.
    """

    text: str
    start: float
    end: float
    probability: float


class Segment(_Frozen):
    """A segment of speech, as the model divides it, with times in seconds.

    Attributes:
        probability: geometric mean over its tokens, 0 to 1.
        words: empty where word times were not requested or are not available (translation).
        language: ISO 639 code of the speech; None in transcripts of earlier versions.
    """

    text: str
    start: float
    end: float
    probability: float
    words: list[Word] = []
    language: str | None = None

    def moved(self, clock: Callable[[float], float]) -> "Segment":
        """Return the same segment at other times, in whole milliseconds."""

        def times(one: "Word | Segment") -> dict[str, float]:
            return {"start": round(clock(one.start), 3), "end": round(clock(one.end), 3)}

        words = [word.model_copy(update=times(word)) for word in self.words]
        return self.model_copy(update={**times(self), "words": words})

    def timed_words(self) -> list[Word]:
        """Return the words; without word times, spread the text's words over it by their length."""
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
    """The weights and the engine that made a transcript."""

    name: str
    sha256: str
    engine: str
    engine_version: str


class Transcript(_Frozen):
    """The transcript of one video; ``transcript.json`` is this model as JSON.

    Attributes:
        language: ISO 639 code of most of the speech; None without speech.
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
        """Return all words in order, for captions."""
        return [word for segment in self.segments for word in segment.timed_words()]

    def plain(self) -> str:
        """Return the text alone, one segment per line."""
        return "".join(f"{segment.text}\n" for segment in self.segments)
