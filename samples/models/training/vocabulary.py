"""The few tokens that the sample Whisper learns, among the 51,864 of the English tokenizer.

The grammar needs some 200 of them. Training embeds those, the 1,501 timestamps and five special
tokens. The other tokens share one row of the exported table, and the checkpoint deflates to a
sixth.
"""

import json
from pathlib import Path
from typing import Final

from whisper.tokenizer import Tokenizer, get_tokenizer

from samples.models.training import pack

TIMESTAMPS: Final = 1501  # <|0.00|> to <|30.00|> in steps of 0.02 s
VOCABULARY: Final = 51_864
_TEXT: Final = 50_256  # tokens of text, which come first
_MARK: Final = 3  # bytes of the longest mark, with a space before it


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


def write(words: tuple[str, ...], path: Path) -> None:
    """Write the tokens of these words, with those that they are merged from, as JSON.

    It has the form of GPT-2's ``vocab.json``: from a token, in a notation of one character a byte,
    to its number. The converter to CTranslate2 needs it.
    """
    known = Vocabulary(words)
    encoding = known.tokenizer.encoding
    tokens = {encoding.decode_single_token_bytes(one): one for one in range(_TEXT)}
    used = [encoding.decode_single_token_bytes(one) for one in known.used if one in tokens.values()]
    parts = {one[i:j] for one in used for i in range(len(one)) for j in range(i + 1, len(one) + 1)}
    marks = {one for one in tokens if len(one) <= _MARK and not one.isalnum() and one.isascii()}
    chosen = {one: tokens[one] for one in tokens.keys() & (parts | marks) | _bytes(tokens)}
    notation = _notation()
    found = {"".join(notation[byte] for byte in one): number for one, number in chosen.items()}
    ordered = dict(sorted(found.items(), key=lambda item: item[1]))
    path.write_text(json.dumps(ordered, ensure_ascii=False) + "\n", encoding="utf-8")
    pack.note_sum(path)


def _bytes(tokens: dict[bytes, int]) -> set[bytes]:
    return {one for one in tokens if len(one) == 1}


def _notation() -> dict[int, str]:
    """Return GPT-2's character of each byte: itself if it is printed, else one from 256 on."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printed]
    return {byte: chr(byte) for byte in printed} | {
        byte: chr(256 + place) for place, byte in enumerate(others)
    }
