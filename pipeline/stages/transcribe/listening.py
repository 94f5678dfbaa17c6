"""The transcription of windows of speech, each in its own language."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING

from pipeline.stages.transcribe import guards, vad
from pipeline.stages.transcribe.decoding import LEAST_LOGPROB
from pipeline.stages.transcribe.engine import Heard, SpeechEngine, SpeechOptions
from pipeline.stages.transcribe.transcript import Segment
from pipeline.stages.transcribe.utterance import Utterance
from pipeline.stages.transcribe.windows import Window

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

_CERTAIN = 0.97  # probability of a language above which a window has no other one
_POSSIBLE = 0.02  # least probability of another language
_LIKELY = 0.5  # below it, a window has the language of the window before
_PAUSE_S = 0.25  # speakers seldom change the language without a pause
_PIECE_S = 3.0  # least duration of speech whose language is detected reliably
_LEFT_S = 1.0  # least speech after the end of the text that is transcribed again
_MISSED_S = 1.5  # least speech between two words that is transcribed again
_ROUNDS = 12  # most times that a part of a window is divided between words
_PROBABLE = math.exp(LEAST_LOGPROB)  # of such a part; below it, the text is most likely invented


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
        self,
        windows: Sequence[Window["Samples"]],
        language: str | None,
        chance: float = 1.0,
        rounds: int = 0,
    ) -> Iterator[Utterance]:
        """Yield the utterances of windows.

        Args:
            windows: to transcribe at once.
            language: of all of them; detected if None.
            chance: probability of the language if it is given.
            rounds: how often they were divided between words already.
        """
        encoded = self._engine.encode([samples(window) for window in windows])
        if language is None:
            found = self._engine.detect_languages(encoded)
            languages = [self._settled(chances) for chances in found]
            parts = [self._by_language(*one) for one in zip(windows, found, strict=True)]
        else:
            languages = [(language, chance)] * len(windows)
            parts = [[] for _ in windows]
        answers = self._engine.transcribe(encoded, [code for code, _ in languages], self._options)
        for window, spoken, part, answer in zip(windows, languages, parts, answers, strict=True):
            if part:
                for own, piece in part:
                    yield from self._heard([piece], own)
            else:
                yield from self._complete(window, language, spoken, answer, rounds)

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

    def _complete(
        self,
        window: Window["Samples"],
        language: str | None,
        spoken: tuple[str, float],
        heard: Heard,
        rounds: int,
    ) -> Iterator[Utterance]:
        """Yield the utterances of a window, in order, with those that the model left out.

        Models often give a sentence once that is spoken several times, and the end of a long
        window not at all.
        """
        segments = guards.without_loops(heard.segments, window.speech, vad.FRAME_S)
        segments = guards.voiced(segments, window.speech, vad.FRAME_S)
        if rounds and any(segment.probability < _PROBABLE for segment in segments):
            return
        if rounds and not heard.segments and len(pieces := list(_pieces(window))) > 1:
            for piece in pieces:
                yield from self._heard([piece], *spoken, rounds + 1)
            return
        at = 0
        for first, last, is_end in (
            self._missed(window, segments, heard) if rounds < _ROUNDS else ()
        ):
            after = len(window.frames) if is_end else first
            yield self._utterance(window, at, first, segments, spoken, after=after)
            part = window.part(first, last)
            if is_end:
                yield from self._heard([part], language, rounds=rounds)
            else:  # it is within the text, and seldom long enough to tell its language
                yield from self._heard([part], *spoken, rounds + 1)
            at = last
        if at < len(window.frames):
            yield self._utterance(window, at, len(window.frames), segments, spoken)

    def _missed(
        self, window: Window["Samples"], segments: Sequence[Segment], heard: Heard
    ) -> Iterator[tuple[int, int, bool]]:
        """Yield the parts with speech but without text: first and end frame, and the reason.

        The reason is True for what comes after the end of the text.
        """
        if not (self._finds_voice and heard.segments):
            return
        end = len(window.frames)
        until = int(heard.until / vad.FRAME_S)
        left = until > 0 and _seconds(window, until, end) >= _LEFT_S
        if all(segment.words for segment in segments):
            words = [word for segment in segments for word in segment.words]
            edges = [0, *(int(edge / vad.FRAME_S) for w in words for edge in (w.start, w.end)), end]
            for first, last in zip(edges[::2], edges[1::2], strict=True):
                whole = last - first == end or (left and last == end)
                if not whole and first < last and _seconds(window, first, last) >= _MISSED_S:
                    yield first, last, False
        if left:
            yield until, end, True

    def _utterance(
        self,
        window: Window["Samples"],
        first: int,
        last: int,
        segments: Sequence[Segment],
        spoken: tuple[str, float],
        *,
        after: int | None = None,
    ) -> Utterance:
        """Return what is said from frame ``first`` to before frame ``last`` of a window.

        With ``after``, its words begin before that frame.
        """
        start, end = (frame * vad.FRAME_S for frame in (first, after or last))
        own = [part for one in segments for part in _within(one, start, end)]
        language, probability = spoken
        return Utterance(
            segments=[
                one.moved(partial(_clock, window)).model_copy(update={"language": language})
                for one in own
            ],
            language=language,
            probability=probability,
            speech_s=_seconds(window, first, last),
        )


def _within(segment: Segment, start: float, end: float) -> list[Segment]:
    """Return the part of a segment whose words begin in an interval, if there is one."""
    if not segment.words:
        return [segment] if start <= segment.start < end else []
    if start <= segment.words[0].start and segment.words[-1].start < end:
        return [segment]
    return guards.with_words(segment, [word for word in segment.words if start <= word.start < end])


def _seconds(window: Window["Samples"], first: int, last: int) -> float:
    """Return the seconds of speech from frame ``first`` to before frame ``last``."""
    return sum(window.speech[first:last]) * vad.FRAME_S


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
