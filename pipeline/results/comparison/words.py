"""A comparison of two transcripts by word error rate.

Text is normalised first. Compatibility characters become ordinary ones (NFKC) and case is folded.
Punctuation and symbols separate words as spaces do, except an apostrophe within a word ("don't").
So "Well-known, 3.5!" becomes ``well known 3 5``. In languages written without spaces each
character counts as a word, which gives the usual character error rate.

The alignment is minimal (Levenshtein distance over words). RapidFuzz computes it with a
bit-parallel algorithm, in memory linear in the length.
"""

import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.transcribe.transcript import Transcript

MOST_CHANGES = 200
"""Changes to list; all are counted."""

_UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km", "bo"})
_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc", "'''")


class Token(NamedTuple):
    """A normalised word; ``start`` in seconds."""

    text: str
    start: float


class WordChange(BaseModel):
    """Words replaced by others; one side is empty for an insertion or a deletion."""

    model_config = ConfigDict(frozen=True)

    time: float = Field(description="Seconds from the start of the video")
    before: str
    after: str


class TranscriptDiff(BaseModel):
    """The difference between two transcripts; the earlier one is the reference."""

    model_config = ConfigDict(frozen=True)

    language_before: str | None
    language_after: str | None
    words: int = Field(description="Number in the reference, after normalisation")
    hits: int
    substitutions: int
    insertions: int
    deletions: int
    wer: float | None = Field(
        description="Word error rate: substitutions, insertions and deletions by words of the "
        "reference; null if the reference has no words"
    )
    changes: list[WordChange] = Field(description="In order of time")
    unlisted: int = Field(0, description="Number of changes that are not listed")


def compare(before: Transcript, after: Transcript, *, most: int = MOST_CHANGES) -> TranscriptDiff:
    """Compare two transcripts.

    Args:
        before: the reference.
        after: the transcript to compare with it.
        most: changes to list.
    """
    characters = before.language in _UNSPACED
    said, heard = (list(tokens(one, characters=characters)) for one in (before, after))
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - few API processes compare

    edits = Levenshtein.opcodes([one.text for one in said], [one.text for one in heard])
    counts = {"equal": 0, "replace": 0, "insert": 0, "delete": 0}
    changes: list[WordChange] = []
    unlisted = 0
    for same, group in groupby(edits, key=lambda edit: edit.tag == "equal"):
        ops = list(group)
        for op in ops:
            counts[op.tag] += max(op.src_end - op.src_start, op.dest_end - op.dest_start)
        if same:
            continue
        old = said[ops[0].src_start : ops[-1].src_end]
        new = heard[ops[0].dest_start : ops[-1].dest_end]
        if len(changes) == most:
            unlisted += 1
            continue
        changes.append(WordChange(time=(old or new)[0].start, before=_text(old), after=_text(new)))
    wrong = counts["replace"] + counts["insert"] + counts["delete"]
    return TranscriptDiff(
        language_before=before.language,
        language_after=after.language,
        words=len(said),
        hits=counts["equal"],
        substitutions=counts["replace"],
        insertions=counts["insert"],
        deletions=counts["delete"],
        wer=round(wrong / len(said), 6) if said else None,
        changes=changes,
        unlisted=unlisted,
    )


def tokens(transcript: Transcript, *, characters: bool = False) -> Iterator[Token]:
    """Yield the normalised words of a transcript, or its characters, with their word's start."""
    for word in transcript.words():
        for text in normalised(word.text):
            yield from (Token(one, word.start) for one in (text if characters else (text,)))


def normalised(text: str) -> list[str]:
    """Return the words of ``text``, normalised."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    spaced = "".join(one if one == "'" or _in_word(one) else " " for one in folded)
    return [word for part in spaced.split() if (word := part.strip("'"))]


def _text(found: list[Token]) -> str:
    return " ".join(token.text for token in found)


def _in_word(character: str) -> bool:
    """Return True if a character is part of a word: alphabetic, a digit, or a mark on one."""
    return unicodedata.category(character)[0] in "LNM"
