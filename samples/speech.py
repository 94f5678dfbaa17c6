"""Speech with known word times, from espeak-ng's own library.

The program `espeak-ng` does not report the start of each word; the library does, through events.
The ground truth is therefore exact, not estimated by a recogniser.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SAMPLE_RATE: Final = 16_000  # Hz, Whisper's input

Audio = npt.NDArray[np.float32]  # [samples], mono, -1 to 1

# espeak-ng's speak_lib.h
_SYNCHRONOUS: Final = 2
_DONT_EXIT: Final = 0x8000
_UTF8: Final = 1
_POSITION_CHARACTER: Final = 1
_EVENT_END_OF_LIST: Final = 0
_EVENT_WORD: Final = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_SILENCE: Final = 0.01  # of the peak: below it, the ends of an utterance are cut off


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word: lower case, no punctuation; start and end in seconds."""

    text: str
    start: float
    end: float

    def later(self, seconds: float) -> "Word":
        """Return the same word, moved in time."""
        return Word(self.text, self.start + seconds, self.end + seconds)


@dataclass(frozen=True, slots=True)
class Utterance:
    """A spoken sentence. Its first sample is its first sound; words count from there."""

    text: str
    voice: str
    audio: Audio
    words: tuple[Word, ...]
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Return the duration."""
        return len(self.audio) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Manner:
    """The prosody: words per minute, pitch and its range (0 to 99, 50 is the voice's default)."""

    rate: int = 160
    pitch: int = 50
    range: int = 50


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # 1 is the first character
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),  # a union of a number, a pointer and 8 characters
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Synthesizer:
    """The process's only instance of libespeak-ng; see `synthesizer`."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._library.espeak_Synth.argtypes = (
            ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self._rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _DONT_EXIT))
        if self._rate <= 0:
            message = "libespeak-ng cannot start: is espeak-ng-data installed?"
            raise RuntimeError(message)
        self._sound: list[npt.NDArray[np.int16]] = []
        self._starts: dict[int, float] = {}  # character (0 is the first) -> seconds
        self._callback = _Callback(
            self._collect
        )  # a reference: the library holds only a bare pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, sound: Any, count: int, events: Any) -> int:
        if sound and count > 0:
            self._sound.append(np.ctypeslib.as_array(sound, (count,)).copy())
        index = 0
        while events[index].type != _EVENT_END_OF_LIST:
            event = events[index]
            if event.type == _EVENT_WORD:
                self._starts.setdefault(event.text_position - 1, event.audio_position / 1000)
            index += 1
        return 0

    def speak(
        self, text: str, voice: str, manner: Manner, sample_rate: int = SAMPLE_RATE
    ) -> Utterance:
        """Speak a sentence (lower case, no full stop).

        Raises ValueError for a voice that espeak-ng does not have.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            message = f"espeak-ng has no voice {voice!r}"
            raise ValueError(message)
        settings = (
            (_RATE, manner.rate),
            (_VOLUME, 100),
            (_PITCH, manner.pitch),
            (_RANGE, manner.range),
        )
        for parameter, value in settings:
            self._library.espeak_SetParameter(parameter, value, 0)
        self._sound.clear()
        self._starts.clear()
        spoken = (text + ".").encode()  # the full stop makes the voice fall
        self._library.espeak_Synth(
            spoken, len(spoken) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None
        )
        self._library.espeak_Synchronize()
        raw = np.concatenate(self._sound).astype(np.float32) / np.float32(32768)
        loud = np.flatnonzero(np.abs(raw) > _SILENCE * np.abs(raw).max())
        first, last = int(loud[0]), int(loud[-1]) + 1
        words = _words(text, self._starts, first / self._rate, last / self._rate)
        audio = resample(raw[first:last], self._rate, sample_rate)
        return Utterance(text, voice, audio, words, sample_rate)


@cache
def synthesizer() -> Synthesizer:
    """Return the process's synthesizer; the library's state is global."""
    return Synthesizer()


def speak(text: str, voice: str, manner: Manner, sample_rate: int = SAMPLE_RATE) -> Utterance:
    """Speak a sentence with the process's synthesizer; see `Synthesizer.speak`."""
    return synthesizer().speak(text, voice, manner, sample_rate)


def resample(audio: Audio, rate: int, to: int) -> Audio:
    """Resample [samples] from one rate to another (Hz) by cutting or padding its spectrum."""
    count = round(len(audio) * to / rate)
    if count == len(audio):
        return audio
    spectrum = np.fft.rfft(audio)
    resized = np.zeros(count // 2 + 1, spectrum.dtype)
    kept = min(len(resized), len(spectrum))
    resized[:kept] = spectrum[:kept]
    scaled: Audio = np.fft.irfft(resized * (count / len(audio)), count).astype(np.float32)
    return scaled


def _words(text: str, starts: dict[int, float], begin: float, end: float) -> tuple[Word, ...]:
    """Convert word events to words, in seconds from `begin`.

    espeak-ng reports one event for a short word and its neighbour ("in the"). The time is then
    divided in proportion to the words' lengths.
    """
    texts = text.split()
    known: list[float | None] = []
    position = 0
    for word in texts:
        position = text.index(word, position)
        known.append(starts.get(position))
        position += len(word)
    known[0] = begin
    times = _filled([*known, end], [len(word) for word in texts])
    times = np.clip(times, begin, end) - begin
    return tuple(Word(word, float(times[i]), float(times[i + 1])) for i, word in enumerate(texts))


def _filled(times: Sequence[float | None], weights: Sequence[int]) -> npt.NDArray[np.float64]:
    """Fill gaps between known times in proportion to cumulative weights."""
    places = np.concatenate([[0], np.cumsum(weights)])
    at = [i for i, time in enumerate(times) if time is not None]
    values = [time for time in times if time is not None]
    filled = np.interp(places, places[at], values)
    return np.maximum.accumulate(filled)
