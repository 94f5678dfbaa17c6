"""Words with times, from tokens and the alignment of tokens with audio."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pipeline.stages.models.vocabulary import TIMESTAMP_S
from pipeline.stages.transcribe.transcript import Word

UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces between words: each character is timed."""

# A model attends to a word before it begins: by about 0.06 s in the median with Whisper base.
_LEAD_S = 0.06
_SHORT_S = 0.02
_USUAL_S = 0.7  # longest usual duration of a word, in seconds
_LONGEST = 2.0  # times the median duration: what is longer includes silence


@dataclass(frozen=True)
class Timed:
    """A part of the text, times in seconds, probability 0 to 1, and number of tokens."""

    text: str
    start: float
    end: float
    probability: float
    tokens: int


def parts(
    segments: Sequence[Sequence[tuple[str, int]]],
    pairs: Sequence[tuple[int, int]],
    chances: Sequence[float],
) -> Iterator[list[Timed]]:
    """Yield the parts of each segment with their times.

    Args:
        segments: for each segment, the text of each part and its number of tokens.
        pairs: the path of tokens over audio: number of a token, and a position in steps of 20 ms.
            The last number is the end of the text.
        chances: the probability of each token, 0 to 1.
    """
    starts: list[float] = []
    for token, position in pairs:
        if token == len(starts):
            starts.append(position * TIMESTAMP_S + _LEAD_S)
    starts.extend([starts[-1]] * (len(chances) + 1 - len(starts)))
    at = 0
    for segment in segments:
        found = []
        for text, count in segment:
            end = at + count
            chance = math.prod(chances[at:end]) ** (1 / count)
            found.append(Timed(text, starts[at], starts[end], chance, count))
            at = end
        yield found


@dataclass
class _Draft:
    text: str
    start: float
    end: float
    probabilities: list[float]
    spoken: bool


def words(parts: Sequence[Timed], language: str) -> list[Word]:
    """Join parts of text to words, in order.

    Punctuation belongs to the word before it, opening brackets and quotes to the word after it.
    """
    drafts: list[_Draft] = []
    for part in parts:
        mark = _is_punctuation(part.text)
        opening = mark and (part.text.startswith(" ") or _opens(part.text))
        if not drafts:
            new = True
        elif not drafts[-1].spoken or (mark and not opening):  # an opening mark waits for its word
            new = False
        else:
            new = opening or language in UNSPACED or part.text.startswith(" ")
        if new:
            drafts.append(_Draft("", part.start, part.end, [], spoken=False))
        draft = drafts[-1]
        if not draft.spoken and not mark:
            draft.start, draft.spoken = part.start, True
        draft.text += part.text
        if not mark:
            draft.end = part.end
        draft.probabilities += [part.probability] * part.tokens
    return list(_plausible([draft for draft in drafts if draft.text.strip()]))


def _plausible(drafts: list[_Draft]) -> Iterator[Word]:
    """Yield words; one that begins or ends speech is shortened to a plausible duration.

    The alignment gives silence beside speech to the nearest word.
    """
    lengths = [draft.end - draft.start for draft in drafts if draft.end > draft.start]
    longest = _LONGEST * min(_USUAL_S, median(lengths)) if lengths else _USUAL_S
    for index, draft in enumerate(drafts):
        start, end = draft.start, draft.end
        if end - start > longest:
            begins = index == 0 or _ends_sentence(drafts[index - 1].text)
            if begins:
                start = end - longest
            elif _ends_sentence(draft.text) or index == len(drafts) - 1:
                end = start + longest
        yield Word(
            text=draft.text,
            start=round(start, 3),
            end=round(max(end, start + _SHORT_S), 3),
            probability=round(sum(draft.probabilities) / len(draft.probabilities), 4),
        )


def _is_punctuation(text: str) -> bool:
    return bool(text.strip()) and all(
        unicodedata.category(c)[0] == "P" or c == "`" for c in text.strip()
    )


def _opens(text: str) -> bool:
    return all(unicodedata.category(c) in {"Ps", "Pi"} for c in text.strip())


def _ends_sentence(text: str) -> bool:
    return text.rstrip("\"')]}”’").endswith((".", "!", "?", "。", "！", "？"))  # noqa: RUF001
