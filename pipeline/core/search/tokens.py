"""The tokens of a text: words, or single characters where a script writes no spaces.

A token is normalised: NFKC, case-folded, without apostrophes, and without the diacritics of Latin
and Greek characters, Arabic and Hebrew points. The vowel signs of Indic scripts and of Thai stay.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

LONGEST = 64
"""Characters of a token that count."""

# Thai, Lao, Myanmar, Khmer, Japanese and Han. Their marks below continue a character.
_SPACELESS = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u3098\u309d-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059"
    "\u17b4-\u17d3\u3099\u309a\uff9e\uff9f"
)
# Marks that belong to a word and that ``\w`` leaves out.
_JOINERS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0963\u0966-\u0dff\u1dc0-\u1dff\u200c\u200d"
)
_LETTER = rf"(?:(?![{_SPACELESS}])[^\W_]|[{_JOINERS}])"
_TOKEN = re.compile(
    rf"(?P<spaceless>[{_SPACELESS}][{_MARKS}]*)|{_LETTER}+(?:['’ʼ＇]{_LETTER}+)*"  # noqa: RUF001
)
_APOSTROPHES = re.compile("['’ʼ＇]")  # noqa: RUF001
_UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})


class Token(NamedTuple):
    """A normalised token, and its place in the text.

    Attributes:
        text: normalised.
        start: index of its first character.
        end: index after its last character.
        spaceless: True if its script writes no spaces, so that it is one character of a word.
    """

    text: str
    start: int
    end: int
    spaceless: bool


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text in order."""
    for found in _TOKEN.finditer(text):
        if normal := normalised(found[0]):
            yield Token(normal, *found.span(), found.lastgroup == "spaceless")


def terms(found: list[Token]) -> list[str]:
    """Return the term of each token: itself, or a pair of characters.

    A character whose neighbour follows directly is indexed together with it.
    """
    return [
        one.text + after.text if after and _joined(one, after) else one.text
        for one, after in zip(found, [*found[1:], None], strict=True)
    ]


def name_words(name: str) -> list[str]:
    """Return the words of a file name without its ending, in order; they have no stems."""
    return terms(list(tokens(name.rpartition(".")[0] or name)))


def _joined(one: Token, after: Token) -> bool:
    return one.spaceless and after.spaceless and one.end == after.start


@lru_cache(maxsize=65536)
def normalised(word: str) -> str:
    """Return a word as it is indexed."""
    if word.isascii():
        return word.lower().replace("'", "")[:LONGEST]
    plain = unicodedata.normalize("NFKC", _APOSTROPHES.sub("", word)).casefold()
    kept: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFKD", plain):
        if not unicodedata.category(character).startswith("M"):
            base = character
        elif _drops(base):
            continue
        kept.append(character)
    folded = unicodedata.normalize("NFC", "".join(kept)).translate(_UNDECOMPOSED)
    return "".join(one for one in folded if one.isalnum() or _is_mark(one))[:LONGEST]


def _drops(base: str) -> bool:
    """Return True if the marks of a character do not count."""
    latin_or_greek = base < "\u0400" or "\u1e00" <= base < "\u2000"
    hebrew_or_arabic = "\u0590" <= base < "\u0780"
    return latin_or_greek or hebrew_or_arabic


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
