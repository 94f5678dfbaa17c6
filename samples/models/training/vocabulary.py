"""The few tokens that the sample Whisper learns, among the 51,864 of the English tokenizer.

The grammar needs some 200 of them. Training embeds those, the 1,501 timestamps and five special
tokens. The other tokens share one row of the exported table, and the checkpoint deflates to a
sixth.
"""

from typing import Final

from whisper.tokenizer import Tokenizer, get_tokenizer

TIMESTAMPS: Final = 1501  # <|0.00|> to <|30.00|> in steps of 0.02 s
VOCABULARY: Final = 51_864


class Vocabulary:
    """A mapping of the whole vocabulary to rows of the small table, and of words to tokens."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.tokenizer: Tokenizer = get_tokenizer(multilingual=False)
        self.words = {word: number for number, word in enumerate(words, start=1)}  # 0: no word
        self._spelt: dict[tuple[str, bool], list[int]] = {
            (word, capital): self.tokenizer.encode(" " + (word.capitalize() if capital else word))
            for word in words
            for capital in (False, True)
        }
        (self.full_stop,) = self.tokenizer.encode(".")
        special = (
            self.tokenizer.sot,
            self.tokenizer.eot,
            self.tokenizer.sot_prev,
            self.tokenizer.no_timestamps,
            self.tokenizer.no_speech,
        )
        text = {token for tokens in self._spelt.values() for token in tokens} | {self.full_stop}
        self.used = (*sorted(text), *special)  # the table's first rows; timestamps follow
        self._rows = {token: row for row, token in enumerate(self.used)}

    @property
    def first_timestamp(self) -> int:
        """Return the token <|0.00|>."""
        return int(self.tokenizer.timestamp_begin)

    @property
    def unused(self) -> int:
        """Return the number of tokens that share the last row."""
        return VOCABULARY - len(self.used) - TIMESTAMPS

    def spell(self, word: str, *, capital: bool) -> list[int]:
        """Return the tokens of a word after a space."""
        return self._spelt[word, capital]

    def row(self, token: int) -> int:
        """Return a token's row in the small table."""
        if token >= self.first_timestamp:
            return len(self.used) + token - self.first_timestamp
        return self._rows[token]
