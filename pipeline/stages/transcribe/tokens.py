"""The tokens of a Whisper model: its special ones, and the text of the others."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.stages.models import vocabulary
from pipeline.stages.models.vocabulary import TIMESTAMP_S


class Tokens:
    """The vocabulary of one model, in its folder.

    Args:
        folder: of the model, with ``vocabulary.json`` or ``vocabulary.txt``.

    Attributes:
        languages: ISO 639 codes of its languages; only ``en`` for an English-only model.
    """

    def __init__(self, folder: Path) -> None:
        listed = folder / "vocabulary.json"
        tokens = vocabulary.read(listed if listed.is_file() else folder / "vocabulary.txt")
        size = len(tokens)
        self._end = vocabulary.text_tokens(size)
        self._text_tokens = tokens[: self._end]
        self._multilingual = size > vocabulary.ENGLISH_ONLY
        self._codes = vocabulary.languages(size)
        self.languages = self._codes if self._multilingual else ("en",)
        self._start = self._end + 1
        self._tasks = self._start + 1 + len(self._codes)
        self._previous = self._tasks + 3
        self._first_time = self._tasks + 6

    @cached_property
    def _text(self) -> Any:
        return vocabulary.encoding(self._text_tokens)

    def sequence(self, language: str, task: str) -> list[int]:
        """Return the tokens that begin a transcript in a language."""
        if not self._multilingual:
            return [self._start]
        spoken = self._start + 1 + self._codes.index(language)
        return [self._start, spoken, self._tasks + vocabulary.TASKS.index(task)]

    def prompt(self, text: str | None, most: int) -> list[int]:
        """Return the tokens of earlier text, the last ``most`` of them; empty without text."""
        if not text:
            return []
        ids: list[int] = self._text.encode(f" {text.strip()}")
        return [self._previous, *ids[-most:]]

    def is_text(self, token: int) -> bool:
        """Return True for a token of text, False for a special one."""
        return token < self._end

    def seconds(self, token: int) -> float | None:
        """Return the time of a timestamp, None for another token."""
        place = token - self._first_time
        return place * TIMESTAMP_S if place >= 0 else None

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; special ones are left out, and those without a text."""
        known = (token for token in tokens if self.is_text(token))
        text: str = self._text.decode(
            [token for token in known if vocabulary.has_text(self._text_tokens[token])]
        )
        return text

    def characters(self, tokens: Sequence[int]) -> list[tuple[str, int]]:
        """Return the shortest parts of tokens of text that are whole characters.

        A character of several bytes may have several tokens.

        Returns:
            the text of each part, and its number of tokens.
        """
        parts = []
        first = 0
        for last in range(1, len(tokens) + 1):
            text = self.decode(tokens[first:last])
            if "\N{REPLACEMENT CHARACTER}" not in text or last == len(tokens):
                parts.append((text, last - first))
                first = last
        return parts
