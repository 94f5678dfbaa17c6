"""Spoken prose with known words and word times, of any length.

The sentences are in ``prose.txt``, the voices are those of flite and espeak-ng. Sentences and
voices rotate with different periods, so a sentence returns with another voice.
"""

import json
import random
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import flite
from samples.speech import SAMPLE_RATE, Audio, Manner, Utterance, Word
from samples.speech import speak as espeak

_PROSE: Final = Path(__file__).with_name("prose.txt")
_ESPEAK_VOICES: Final = ("en-us", "en-gb-x-rp")
_PAUSE_S: Final = (0.3, 0.9)
_SILENT_BLOCK_S: Final = 15.0
_ROOM: Final = 0.0005  # noise of a quiet room, of the full scale


@dataclass(frozen=True, slots=True)
class Talk:
    """Speech of a known text.

    Attributes:
        audio: mono, 16 kHz.
        words: in seconds from its begin.
    """

    audio: Audio
    words: list[Word]

    def write(self, path: Path) -> None:
        """Write a WAV file, and the words as JSON beside it."""
        scaled = np.clip(np.rint(self.audio * 32767), -32768, 32767).astype("<i2")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(scaled.tobytes())
        write_words(self.words, words_path(path))


def talk(seconds: float, *, half_silent: bool = False, seed: int = 0) -> Talk:
    """Speak for this long; half-silent speech alternates with silence every 15 s."""
    rng = random.Random(f"talk {seed}")  # noqa: S311 - no secret depends on it
    noise = np.random.default_rng(seed)
    audio = noise.normal(0, _ROOM, round(seconds * SAMPLE_RATE)).astype(np.float32)
    words: list[Word] = []
    at = 0.2
    for said in _sentences(seed):
        while half_silent and _silent(at, said.seconds):
            at = (at // _SILENT_BLOCK_S + 1) * _SILENT_BLOCK_S
        if at + said.seconds > seconds:
            break
        first = round(at * SAMPLE_RATE)
        audio[first : first + len(said.audio)] += said.audio
        words += [word.later(first / SAMPLE_RATE) for word in said.words]
        at += said.seconds + rng.uniform(*_PAUSE_S)
    return Talk(audio, words)


def words_path(path: Path) -> Path:
    """Return the path of the words of a video or a sound."""
    return path.with_suffix(".words.json")


def write_words(words: list[Word], path: Path) -> None:
    """Write words as JSON."""
    rows = [[word.text, round(word.start, 3), round(word.end, 3)] for word in words]
    path.write_text(json.dumps(rows), encoding="utf-8")


def read_words(path: Path) -> list[Word]:
    """Read words that ``write_words`` or an alternative wrote."""
    return [Word(*row) for row in json.loads(path.read_text(encoding="utf-8"))]


@cache
def sentences() -> tuple[str, ...]:
    """Return the sentences, without full stops."""
    return tuple(_PROSE.read_text(encoding="utf-8").split("\n")[:-1])


def _silent(at: float, seconds: float) -> bool:
    """Return whether a sentence of this length would reach into a silent block."""
    block, offset = divmod(at, _SILENT_BLOCK_S)
    return bool(block % 2) or offset + seconds > _SILENT_BLOCK_S


def _sentences(seed: int) -> Iterator[Utterance]:
    text = sentences()
    voices = [*(flite.VOICES if flite.installed() else ()), *_ESPEAK_VOICES]
    for number in count(seed * 17):
        # After a round of all sentences, each gets the next voice.
        voice = voices[(number + number // len(text)) % len(voices)]
        line = text[number % len(text)]
        if voice in flite.VOICES:
            yield flite.speak(line, voice)
        else:
            yield espeak(line, voice, Manner())
