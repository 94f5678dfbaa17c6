"""The transcription of windows of speech, each in its own language."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from pipeline.stages.transcribe import guards, vad
from pipeline.stages.transcribe.engine import Heard, SpeechEngine, SpeechOptions
from pipeline.stages.transcribe.transcript import Segment
from pipeline.stages.transcribe.windows import Window

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

_CERTAIN = 0.97  # probability of a language above which a window has no other one
_POSSIBLE = 0.02  # least probability of another language
_LIKELY = 0.5  # below it, a window has the language of the window before
_PAUSE_S = 0.25  # speakers seldom change the language without a pause
_PIECE_S = 3.0  # least duration of speech whose language is detected reliably
_LEFT_S = 1.0  # least speech after the end of the text that is transcribed again


class Utterance(NamedTuple):
    """The transcription of one window.

    Attributes:
        segments: with times in seconds from the start of the sound.
        language: ISO 639 code.
        probability: of the language, 0 to 1.
        speech_s: seconds with a voice.
    """

    segments: list[Segment]
    language: str
    probability: float
    speech_s: float

    def shifted(self, seconds: float) -> "Utterance":
        """Return the same utterance, ``seconds`` later."""
        return self._replace(
            segments=[one.moved(lambda time: time + seconds) for one in self.segments]
        )


class Listener:
    """A transcription of one sound, window by window.

    Args:
        engine: the model.
        options: of the transcription.
        language: of all windows; detected for each window if None.
        finds_voice: whether windows tell frames with a voice from those without one.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        options: SpeechOptions,
        language: str | None,
        *,
        finds_voice: bool,
    ) -> None:
        self._engine, self._options = engine, options
        self._language = language
        self._finds_voice = finds_voice
        self._last: str | None = None
        self._alike: set[frozenset[str]] = set()

    def listen(self, windows: Iterable[Window["Samples"]]) -> Iterator[Utterance]:
        """Yield the utterances of windows, in order."""
        windows = iter(windows)
        while group := list(islice(windows, self._engine.batch)):
            yield from self._heard(group, self._language)

    def _heard(
        self, windows: Sequence[Window["Samples"]], language: str | None
    ) -> Iterator[Utterance]:
        encoded = self._engine.encode([samples(window) for window in windows])
        if language is None:
            found = self._engine.detect_languages(encoded)
            languages = [self._settled(chances) for chances in found]
            parts = [self._by_language(*one) for one in zip(windows, found, strict=True)]
        else:
            languages = [(language, 1.0)] * len(windows)
            parts = [[] for _ in windows]
        answers = self._engine.transcribe(encoded, [code for code, _ in languages], self._options)
        for window, (code, chance), part, answer in zip(
            windows, languages, parts, answers, strict=True
        ):
            if part:
                for own, piece in part:
                    yield from self._heard([piece], own)
            else:
                yield self._utterance(window, code, chance, answer)
                if rest := self._rest(window, answer):
                    yield from self._heard([rest], language)

    def _settled(self, chances: Mapping[str, float]) -> tuple[str, float]:
        """Return the language of a window: the last window's if its own is uncertain."""
        best = max(chances, key=lambda code: chances[code])
        if chances[best] < _LIKELY and self._last is not None:
            best = self._last
        self._last = best
        return best, chances[best]

    def _by_language(
        self, window: Window["Samples"], chances: Mapping[str, float]
    ) -> list[tuple[str, Window["Samples"]]]:
        """Return the parts of a window in several languages; an empty list if it has one."""
        possible = [code for code, chance in chances.items() if chance >= _POSSIBLE]
        if max(chances.values()) >= _CERTAIN or len(possible) == 1:
            return []
        if frozenset(possible) in self._alike:  # languages that the model confuses
            return []
        pieces = list(_pieces(window))
        if len(pieces) == 1:
            return []
        encoded = self._engine.encode([samples(piece) for piece in pieces])
        spoken = [
            max(possible, key=lambda code: own[code])
            for own in self._engine.detect_languages(encoded)
        ]
        parts = []
        start = 0
        for code, group in groupby(zip(spoken, pieces, strict=True), key=lambda one: one[0]):
            own = [piece for _, piece in group]
            end = start + sum(len(piece.frames) for piece in own)
            parts.append((code, window.part(start, end)))
            start = end
        if len(parts) == 1:
            self._alike.add(frozenset(possible))
            return []
        return parts

    def _utterance(
        self, window: Window["Samples"], language: str, probability: float, heard: Heard
    ) -> Utterance:
        segments = guards.without_loops(heard.segments)
        segments = guards.voiced(segments, window.speech, vad.FRAME_S)
        return Utterance(
            [
                one.moved(partial(_clock, window)).model_copy(update={"language": language})
                for one in segments
            ],
            language,
            probability,
            sum(window.speech) * vad.FRAME_S,
        )

    def _rest(self, window: Window["Samples"], heard: Heard) -> Window["Samples"] | None:
        """Return the part of a window with speech that the model left out, if there is one."""
        if not (self._finds_voice and heard.segments):
            return None
        first = int(heard.until / vad.FRAME_S)
        rest = window.part(first, len(window.frames))
        missed = sum(rest.speech) * vad.FRAME_S
        return rest if first and missed >= _LEFT_S else None


def _clock(window: Window["Samples"], seconds: float) -> float:
    """Return the time in the sound of a time in the window; both in seconds.

    Where silence was left out, it is the time before it.
    """
    frame = min(len(window.places) - 1, max(0, math.ceil(seconds / vad.FRAME_S) - 1))
    return seconds + (window.places[frame] - frame) * vad.FRAME_S


def samples(window: Window["Samples"]) -> "Samples":
    """Return the sound of a window; float32 at 16 kHz, [samples]."""
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy

    return np.concatenate(window.frames)


def _pieces(window: Window["Samples"]) -> Iterator[Window["Samples"]]:
    """Divide a window at pauses, into pieces with enough speech to tell the language."""
    pause, least = int(_PAUSE_S / vad.FRAME_S), int(_PIECE_S / vad.FRAME_S)
    first = spoken = quiet = 0
    left = sum(window.speech)
    for at, talking in enumerate(window.speech):
        if talking:
            if quiet >= pause and spoken >= least and left >= least:
                middle = at - quiet // 2
                yield window.part(first, middle)
                first, spoken = middle, 0
            quiet = 0
            spoken += 1
            left -= 1
        else:
            quiet += 1
    yield window.part(first, len(window.speech))
