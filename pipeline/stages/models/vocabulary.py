"""The vocabularies of Whisper models: tokens of text first, then special ones.

The order of special tokens is that of openai-whisper (``whisper/tokenizer.py``): end of text, start
of a transcript, the languages, two tasks, four others, and a timestamp for every 20 ms.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.errors import MissingDependency

ENGLISH_ONLY = 51_864
"""Size of the vocabulary of an English-only model; multilingual ones are larger."""

TIMESTAMP_S = 0.02
TASKS = ("translate", "transcribe")
_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no "
    "th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw "
    "gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl "
    "mg as tt haw ln ha ba jw su yue"
)
LANGUAGES: tuple[str, ...] = tuple(_CODES.split())
"""ISO 639 codes in the order of the models' language tokens; earlier models lack the last one."""

_ENGLISH_TEXT = 50_256  # tokens of text of an English-only model; multilingual ones have one more
_TIMES = 1501
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""GPT-2's division of text into words; tokens are parts of words."""

_UNUSED = "<|unused"
_OTHERS = ("startoflm", "startofprev", "nocaptions", "notimestamps")


def text_tokens(size: int) -> int:
    """Return the number of tokens of text in a vocabulary of ``size`` tokens."""
    return _ENGLISH_TEXT + (size > ENGLISH_ONLY)


def languages(size: int) -> tuple[str, ...]:
    """Return the languages that a vocabulary of ``size`` tokens has tokens for."""
    count = size - text_tokens(size) - 2 - len(TASKS) - len(_OTHERS) - _TIMES
    return LANGUAGES[:count]


def special(size: int) -> list[str]:
    """Return the special tokens of a vocabulary of ``size`` tokens, in order."""
    words = ("endoftext", "startoftranscript", *languages(size), *TASKS, *_OTHERS)
    times = (f"{place * TIMESTAMP_S:.2f}" for place in range(_TIMES))
    return [f"<|{word}|>" for word in (*words, *times)]


def read(path: Path) -> list[str]:
    """Read a vocabulary; tokens that it lacks are named as unused.

    Args:
        path: ``vocabulary.txt`` with one token a line, or a JSON file: a list of tokens, or an
            object with the number of each token, as GPT-2's ``vocab.json``.

    Raises:
        MissingDependency: ``model_format``: the file is missing, or is not a vocabulary.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else text.removesuffix("\n").split("\n")
        numbers = found if isinstance(found, dict) else {word: at for at, word in enumerate(found)}
        tokens = [f"{_UNUSED}{at}|>" for at in range(max(_ENGLISH_TEXT, *numbers.values()) + 1)]
        for token, at in numbers.items():
            tokens[at] = str(token)
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise MissingDependency(
            "model_format", f"{path} is not the vocabulary of a Whisper model ({error!s:.200})."
        ) from error
    return tokens


def has_text(token: str) -> bool:
    """Return False for the name of a token that a vocabulary lacks."""
    return not token.startswith(_UNUSED)


def encoding(text: Sequence[str]) -> Any:
    """Return the ``tiktoken.Encoding`` of tokens of text.

    Args:
        text: tokens in GPT-2's notation of bytes, in their order.

    Raises:
        MissingDependency: ``model_format``: a token is not in the notation.
    """
    import tiktoken  # noqa: PLC0415 - stage modules import nothing heavy before they run

    try:
        ranks = {
            _bytes(token): rank for rank, token in enumerate(text) if not token.startswith(_UNUSED)
        }
    except KeyError as error:
        raise MissingDependency(
            "model_format", f"The vocabulary of the model has the unknown character {error}."
        ) from error
    return tiktoken.Encoding("whisper", pat_str=_WORDS, mergeable_ranks=ranks, special_tokens={})


def _bytes(token: str) -> bytes:
    notation = _notation()
    return bytes(notation[character] for character in token)


@cache
def _notation() -> dict[str, int]:
    """Return the byte of each character.

    Printable characters of Latin-1 stand for themselves, the other bytes for characters from 256.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in printable)
    return {chr(byte): byte for byte in printable} | {
        chr(256 + place): byte for place, byte in enumerate(others)
    }
