"""Training windows for Whisper: a spectrogram, the target tokens, and the position of each.

A window imitates the input from `whisper.transcribe` and from voice activity detection: several
sentences with pauses, the last one often cut off; or a short padded clip that starts with speech.
Timestamps, earlier text as a prompt, and speech itself may be absent.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from whisper.audio import log_mel_spectrogram

from samples import grammar, voices
from samples.chance import happens
from samples.models.training import noises
from samples.models.training.vocabulary import TIMESTAMPS, Vocabulary
from samples.speech import SAMPLE_RATE, Audio, Manner, Utterance, speak

FRAME: Final = 0.02  # s: an encoder position, and a step of timestamps
FRAMES: Final = 1500  # encoder positions in Whisper's 30 s
CONTEXT: Final = 256  # the decoder's context, in tokens
_FIRST_AT_MOST: Final = 50  # transcribe() limits a window's first timestamp to 1.0 s
_SHORTEST: Final = 0.15  # s of a cut sentence that are long enough
_CHUNK: Final = 24  # utterances per run of the AAC encoder


class Aimed(NamedTuple):
    """A token and its encoder positions [low, high], if any."""

    token: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """One training example.

    mel: [80, 2 T]; first: the encoder position of its first frame (random for windows shorter than
    30 s, so that all positions are trained); words: [T] the number of the word spoken at each
    position; given, wanted: the decoder's input and output, wanted is -1 where not scored.
    """

    mel: torch.Tensor
    first: int
    words: npt.NDArray[np.int64]
    given: list[Aimed]
    wanted: list[Aimed]


@dataclass(slots=True)
class Pool:
    """A pool of recorded utterances for windows; new ones replace old ones."""

    rng: random.Random
    capacity: int
    coded_share: float = 0.35
    _utterances: list[Utterance] = field(default_factory=list)

    def grow(self, count: int) -> None:
        """Record new utterances, a share of them through AAC."""
        for begin in range(0, count, _CHUNK):
            fresh = [self._record() for _ in range(min(_CHUNK, count - begin))]
            if happens(self.rng, self.coded_share):
                fresh = _coded(fresh, self.rng.choice((24, 32, 48, 64, 96)))
            for utterance in fresh:
                if len(self._utterances) < self.capacity:
                    self._utterances.append(utterance)
                else:
                    self._utterances[self.rng.randrange(self.capacity)] = utterance

    def draw(self, rng: random.Random) -> Utterance:
        """Return one utterance."""
        return self._utterances[rng.randrange(len(self._utterances))]

    def _record(self) -> Utterance:
        rng = self.rng
        manner = Manner(rng.randint(120, 200), rng.randint(25, 80), rng.randint(20, 80))
        text = grammar.sentence(rng, held_out=False)
        return speak(text, voices.training_voice(rng), manner)


def _coded(utterances: Sequence[Utterance], kilobits: int) -> list[Utterance]:
    """Apply AAC to utterances in one run: starting ffmpeg costs more than encoding."""
    gap = np.zeros(SAMPLE_RATE // 10, np.float32)
    parts = [part for one in utterances for part in (one.audio * 0.5, gap)]
    sound = noises.through_aac(np.concatenate(parts), kilobits) * 2
    result, at = [], 0
    for one in utterances:
        audio = sound[at : at + len(one.audio)]
        result.append(Utterance(one.text, one.voice, audio, one.words, one.sample_rate))
        at += len(one.audio) + len(gap)
    return result


@dataclass(frozen=True, slots=True)
class _Said:
    """An utterance placed in a window, in seconds; cut at the window's end."""

    utterance: Utterance
    start: float
    cut: bool

    @property
    def end(self) -> float:
        return self.start + self.utterance.words[-1].end


class Recorder:
    """A maker of windows of a given length from a pool."""

    def __init__(self, vocabulary: Vocabulary, pool: Pool, seed: int) -> None:
        self.vocabulary = vocabulary
        self.pool = pool
        self.rng = random.Random(seed)
        self.noise = np.random.default_rng(seed)

    def window(self, seconds: int, prompted: float) -> Window:
        """Make one window; a share `prompted` follows the text of earlier windows."""
        rng = self.rng
        length = round(seconds / FRAME)
        whole = length == FRAMES
        first = 0 if whole or happens(rng, 0.4) else rng.randint(0, FRAMES - length)
        silent = happens(rng, 0.05)
        until = float(seconds)
        if happens(rng, 0.35):  # the file, or the detected speech, ends early
            until = rng.uniform(min(2.0, seconds / 2), seconds)
        audio, said = self._sound(seconds, until, silent=silent)
        heard = len(audio)
        if until < seconds:
            end = said[-1].end if said else until
            heard = min(heard, int(end * SAMPLE_RATE) + rng.randint(0, SAMPLE_RATE // 2))
        mel = self._mel(self._disturbed(audio[: max(heard, 1600)], silent=silent), 2 * length)
        words = np.zeros(length, np.int64)
        for one in said:
            for word in one.utterance.words:
                begin, end = one.start + word.start, one.start + word.end
                words[int(begin / FRAME) : int(end / FRAME)] = self.vocabulary.words[word.text]
        given, wanted = self._tokens(said, first)
        if happens(rng, prompted):
            before = [Aimed(token) for token in self._previous()]
            given = before + given
            wanted = [Aimed(-1)] * len(before) + wanted
        return Window(mel, first, words, given, wanted)

    def _sound(self, seconds: int, until: float, *, silent: bool) -> tuple[Audio, list[_Said]]:
        rng = self.rng
        audio = np.zeros(seconds * SAMPLE_RATE, np.float32)
        if silent:
            return audio, []
        starts = ((0.0, 0.06), (0.0, 0.4), (0.0, 1.0), (0.0, 3.5))
        at = rng.uniform(*rng.choices(starts, (0.2, 0.3, 0.35, 0.15))[0])
        pause = rng.choice(((0.15, 0.5), (0.2, 1.2), (0.5, 2.5)))
        level = 10 ** rng.uniform(-0.25, 0.05)
        said: list[_Said] = []
        while True:
            utterance = self.pool.draw(rng)
            fits = at + utterance.seconds <= until - FRAME
            if not fits and (until < seconds or at > seconds - _SHORTEST or happens(rng, 0.15)):
                return audio, said
            begin = int(at * SAMPLE_RATE)
            count = min(len(utterance.audio), len(audio) - begin)
            loudness = level * 10 ** rng.uniform(-0.08, 0.08)
            audio[begin : begin + count] += utterance.audio[:count] * np.float32(loudness)
            said.append(_Said(utterance, at, cut=not fits))
            if not fits:
                return audio, said
            at += utterance.seconds + rng.uniform(*pause)

    def _disturbed(self, audio: Audio, *, silent: bool) -> Audio:
        rng, generator = self.rng, self.noise
        if happens(rng, 0.2):
            audio = noises.room(audio, generator)
        below = rng.uniform(8, 45)  # dB under a usual voice
        if happens(rng, 0.65) and not (silent and happens(rng, 0.3)):
            audio = audio + noises.noise(len(audio), generator) * np.float32(
                0.1 * 10 ** (-below / 20)
            )
        if happens(rng, 0.4 if silent else 0.12):
            below = rng.uniform(0 if silent else 10, 35)
            audio = audio + noises.music(len(audio), generator) * np.float32(
                0.1 * 10 ** (-below / 20)
            )
        if happens(rng, 0.35):
            audio = noises.equalise(audio, generator)
        return audio * np.float32(10 ** rng.uniform(-1.3, 0.1))

    def _mel(self, audio: Audio, frames: int) -> torch.Tensor:
        """Return the log-mel spectrogram [80, frames], padded in one of Whisper's two ways.

        `transcribe` pads a cut spectrogram with zeros; `decode` on padded audio has the spectrogram
        of digital silence.
        """
        sound = torch.from_numpy(np.clip(audio, -1, 1))
        padding = frames * 160 - len(audio) if happens(self.rng, 0.3) else 0
        mel = log_mel_spectrogram(sound, 80, padding=max(0, padding))[:, :frames]
        return torch.nn.functional.pad(mel, (0, frames - mel.shape[1]))

    def _tokens(self, said: list[_Said], first: int) -> tuple[list[Aimed], list[Aimed]]:
        tokenizer = self.vocabulary.tokenizer
        zero = self.vocabulary.first_timestamp
        start, end = Aimed(tokenizer.sot), Aimed(tokenizer.eot)
        complete = [one for one in said if not one.cut]
        if not said:
            given = [start, Aimed(zero)]
            return given, [Aimed(tokenizer.no_speech), end]
        if happens(self.rng, 0.25):
            tokens = [start, Aimed(tokenizer.no_timestamps)]
            for one in complete:
                tokens += self._spelt(one, first)
            tokens.append(end)
            return tokens[:-1], [Aimed(-1), *tokens[2:]]
        tokens = [start]
        for one in said:
            at = first + one.start / FRAME
            mark = self._mark(at)
            if first == 0 and len(tokens) == 1:
                mark = Aimed(min(mark.token, zero + _FIRST_AT_MOST), mark.low, mark.high)
            tokens.append(mark)
            if not one.cut:
                tokens += [*self._spelt(one, first), self._mark(first + one.end / FRAME)]
        tokens.append(end)
        return tokens[:-1], tokens[1:]

    def _mark(self, position: float) -> Aimed:
        step = max(0, min(TIMESTAMPS - 1, round(position)))
        return Aimed(self.vocabulary.first_timestamp + step, position - 3, position + 3)

    def _spelt(self, one: _Said, first: int) -> list[Aimed]:
        tokens = []
        for index, word in enumerate(one.utterance.words):
            low, high = ((one.start + time) / FRAME + first for time in (word.start, word.end))
            spelt = self.vocabulary.spell(word.text, capital=index == 0)
            tokens += [Aimed(token, low, high) for token in spelt]
        end = first + one.end / FRAME
        return [*tokens, Aimed(self.vocabulary.full_stop, end - 3, end + 4)]

    def _previous(self) -> list[int]:
        """Return the prompt: the end of some earlier text, usually with timestamps."""
        rng = self.rng
        tokens: list[int] = []
        at = rng.uniform(0, 2)
        timed = happens(rng, 0.85)
        for _ in range(rng.randint(1, 12)):
            utterance = self.pool.draw(rng)
            if at + utterance.seconds > FRAMES * FRAME:
                at = 0.0
            one = _Said(utterance, at, cut=False)
            spelt = [aimed.token for aimed in self._spelt(one, 0)]
            if timed:
                spelt = [self._mark(at / FRAME).token, *spelt, self._mark(one.end / FRAME).token]
            tokens += spelt
            at += utterance.seconds + rng.uniform(0.1, 1.5)
        return [self.vocabulary.tokenizer.sot_prev, *tokens[-(CONTEXT // 2 - 1) :]]
