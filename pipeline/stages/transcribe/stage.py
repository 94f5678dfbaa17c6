"""The transcribe stage: the speech in a video, as data, captions and text.

    plan:   the video → spans (at present one)
    listen: a span → its utterances: audio → voice activity → windows → engine → guards
    merge:  the spans' utterances → one transcript

Audio is streamed, so memory does not grow with the duration of the video.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.errors import BadInput
from pipeline.core.stage import Notice, Report, Result, Source
from pipeline.media import audio
from pipeline.media.process import Complaints
from pipeline.stages import notices as of_models
from pipeline.stages.models import registry, weights
from pipeline.stages.transcribe import captions, ctranslate, files, whisper, windows
from pipeline.stages.transcribe import vad as voice
from pipeline.stages.transcribe.engine import SpeechEngine, SpeechOptions
from pipeline.stages.transcribe.listening import Listener, Utterance
from pipeline.stages.transcribe.transcript import ModelName, Transcript

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

VERSION = "2"

_log = logging.getLogger(__name__)
_WINDOW_S = 30.0  # Whisper's input
_MARGIN_S = 0.5  # of silence beside speech; twice of it remains of a longer silence
_LEAST_S = 0.25
_SMOOTH_S = 0.6  # about the pause between sentences, so that it is preferred to one between words
_HYSTERESIS = 0.15
_CHUNK_S = 10.0
_EXCERPT = 500


class Params(BaseModel):
    """The parameters of the transcribe stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        registry.AUTO,
        description="Whisper's name, such as small, or a path to a .pt file or a CTranslate2 "
        "folder; auto is the best model that this host has",
    )
    engine: Literal["auto", "ctranslate2", "openai-whisper"] = Field(
        "auto",
        description="Library to run the model: auto is ctranslate2; openai-whisper needs PyTorch",
    )
    language: str | None = Field(
        None,
        pattern="^[a-z]{2,3}$",
        description="ISO 639 code of the speech; detected in each part of the video if not set",
    )
    task: Literal["transcribe", "translate"] = Field(
        "transcribe", description="Transcribe the speech, or translate it to English"
    )
    beam_size: int = Field(
        1,
        ge=1,
        le=10,
        description="Hypotheses followed at once; 1 is greedy, 5 takes 4 times as long",
    )
    vad: bool = Field(True, description="Give the model only audio with a voice")
    vad_threshold: float = Field(0.5, ge=0.05, le=0.95, description="Least probability of voice")
    word_timestamps: bool = Field(True, description="Find the times of each word")
    initial_prompt: str | None = Field(
        None, max_length=500, description="Names and terms to expect, as running text"
    )
    caption_width: int = Field(42, ge=16, le=80, description="Characters in a line of captions")
    caption_lines: int = Field(2, ge=1, le=2, description="Lines in a caption")
    caption_max_s: float = Field(7.0, ge=2, le=15, description="Longest caption, seconds")


class Span(NamedTuple):
    """A part of the video, in seconds."""

    start: float
    end: float


class SpanResult(NamedTuple):
    """The transcription of one span."""

    utterances: list[Utterance]
    damaged: bool


def identity(params: Params) -> dict[str, str]:
    """Return the weights and library that make a result; imports and fetches nothing heavy."""
    engine = _engine(params)
    name = weights.choose(params.model, "speech")
    return {
        "engine": engine.NAME,
        "engine_version": engine.version(),
        "model": name,
        "sha256": weights.digest(name, engine.FORM),
    }


def warm_up(params: Params) -> None:
    """Load the models before the first video; fetch the best one if it is not here."""
    weights.choose(params.model, "speech", try_fetch=True)
    engine = _engine(params)
    engine.load(_weights(params))
    voice.load()


def _engine(params: Params) -> ModuleType:
    """Return the module of the library that runs the model."""
    return whisper if params.engine == whisper.NAME else ctranslate


def _weights(params: Params) -> weights.Weights:
    return weights.resolve(weights.choose(params.model, "speech"), _engine(params).FORM)


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    """Write the transcript and captions of ``source``.

    Without audio or speech, the result is empty and has a warning.

    Raises:
        BadInput: ``unknown_language``, ``translate_unsupported``: the model does not support it.
        MissingDependency: the model is missing.
    """
    notices: list[Notice] = []
    parts: list[SpanResult] = []
    used: list[Notice] = []
    if source.probe.audio:
        model = _weights(params)
        used = of_models.demo(model)
        engine = _engine(params).load(model)
        language, notice = _chosen_language(params, engine)
        notices += notice
        parts = [listen(source, span, params, engine, language, report) for span in plan(source)]
    utterances = [one for part in parts for one in part.utterances]
    transcript = merge(utterances, params, source.probe.duration_s)
    if not source.probe.audio:
        notices.append(Notice(code="no_audio", message="The video has no audio to transcribe."))
    elif not transcript.segments:
        notices.append(Notice(code="no_speech", message="No speech was found in the audio."))
    if any(part.damaged for part in parts):
        message = "Parts of the audio are damaged and were skipped."
        notices.append(Notice(code="damaged_audio", message=message))
    limits = captions.Limits(
        width=params.caption_width, lines=params.caption_lines, max_s=params.caption_max_s
    )
    return Result(
        artifacts=files.write(transcript, limits, work),
        summary={
            "language": transcript.language,
            "language_probability": transcript.language_probability,
            "languages": sorted({one.language for one in utterances if one.segments}),
            "model": transcript.model.model_dump(),
            "segments": len(transcript.segments),
            "words": sum(len(segment.text.split()) for segment in transcript.segments),
            "speech_s": round(sum(one.speech_s for one in utterances), 2),
            "excerpt": transcript.plain()[:_EXCERPT],
        },
        warnings=[*notices, *used],
    )


def plan(source: Source) -> list[Span]:
    """Divide the video into spans."""
    return [Span(0.0, source.probe.duration_s)]


def listen(
    source: Source,
    span: Span,
    params: Params,
    engine: SpeechEngine,
    language: str | None,
    report: Report,
) -> SpanResult:
    """Transcribe one span; the language of each window is detected if ``language`` is None."""
    complaints = Complaints()
    options = SpeechOptions(
        task=params.task,
        beam_size=params.beam_size,
        # Cross-attention aligns text with audio of the same words; a translation has others.
        word_times=params.word_timestamps and params.task == "transcribe",
        prompt=params.initial_prompt,
    )
    listener = Listener(engine, options, language, finds_voice=params.vad)
    found = _windows(_sound(source, span, report, complaints), params)
    utterances = [one.shifted(span.start) for one in listener.listen(found)]
    if complaints.count:
        _log.info("%s: errors of the audio decoder: %s", source.name, complaints)
    return SpanResult(utterances, complaints.count > 0)


def merge(utterances: Sequence[Utterance], params: Params, duration: float) -> Transcript:
    """Merge utterances, in order, into a transcript in the language of the most speech."""
    made_by = identity(params)
    spoken: dict[str, float] = {}
    for one in utterances:
        if one.segments:
            spoken[one.language] = spoken.get(one.language, 0.0) + one.speech_s
    main = max(spoken, key=lambda code: spoken[code], default=None)
    chances = [
        (one.probability, one.speech_s)
        for one in utterances
        if one.language == main and one.segments
    ]
    weight = sum(speech_s for _, speech_s in chances)
    mean = sum(chance * speech_s for chance, speech_s in chances) / weight if weight else 0.0
    return Transcript(
        task=params.task,
        language=main,
        language_probability=round(mean, 4),
        duration=round(duration, 3),
        model=ModelName(
            name=made_by["model"],
            sha256=made_by["sha256"],
            engine=made_by["engine"],
            engine_version=made_by["engine_version"],
        ),
        segments=[segment for one in utterances for segment in one.segments],
    )


def _chosen_language(params: Params, engine: SpeechEngine) -> tuple[str | None, list[Notice]]:
    """Return the requested language if the model supports it, or None to detect it."""
    if engine.languages != ("en",):
        if params.language and params.language not in engine.languages:
            raise BadInput(
                "unknown_language",
                f"The model {params.model} does not support {params.language!r}.",
            )
        return params.language, []
    if params.task == "translate":
        raise BadInput(
            "translate_unsupported",
            f"The model {params.model} supports only English and cannot translate: "
            "choose a multilingual one, such as 'small'.",
        )
    if params.language in (None, "en"):
        return "en", []
    message = f"The model {params.model} supports only English; {params.language!r} was requested."
    return "en", [Notice(code="language_forced", message=message)]


def _sound(
    source: Source, span: Span, report: Report, complaints: Complaints
) -> Iterator["Samples"]:
    """Yield the default audio track within the span, and report progress."""
    track = next((track for track in source.probe.audio if track.default), source.probe.audio[0])
    first, last = (round(seconds * voice.RATE) for seconds in span)
    at = 0
    for chunk in audio.stream(
        source.path,
        track.index,
        alongside=source.probe.streams,
        chunk_s=_CHUNK_S,
        report=report,
        complaints=complaints,
    ):
        report(at / max(1, last))
        yield chunk[max(0, first - at) : max(0, last - at)]
        at += len(chunk)


def _windows(sound: Iterable["Samples"], params: Params) -> Iterator[windows.Window["Samples"]]:
    """Yield windows of speech; without voice activity detection all audio counts as speech."""
    threshold = params.vad_threshold if params.vad else 0.0
    rules = windows.Rules(
        threshold=threshold,
        keep=threshold - _HYSTERESIS,
        longest=_frames(_WINDOW_S),
        margin=_frames(_MARGIN_S),
        least=_frames(_LEAST_S),
        smooth=_frames(_SMOOTH_S),
    )
    return windows.cut(voice.scored(voice.blocks(sound)), rules)


def _frames(seconds: float) -> int:
    return int(seconds / voice.FRAME_S)
