"""The transcribe stage: the speech in a video, as data, captions and text.

    plan:      the video → ranges, cut in pauses; its track and language
    run_range: a range → its utterances: audio → voice activity → windows → engine → guards
    merge:     the utterances of all ranges → one transcript, its captions and text

Audio is streamed, so memory does not grow with the duration of the video. Windows begin again in
each section of five minutes, and what one tells of the next, such as the language, ends with it. So
the result does not depend on how many sections a range has.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core import in_place
from pipeline.core.errors import BadInput
from pipeline.core.media_info import AudioStream
from pipeline.core.progress import Step
from pipeline.core.ranges import Part, Parts, Plan, Range, Work
from pipeline.core.stage import Divisible, Notice, Report, Result, Source
from pipeline.media import tracks
from pipeline.stages import notices as shared
from pipeline.stages.models import registry, weights
from pipeline.stages.transcribe import captions, ctranslate, files, hearing, joining, whisper
from pipeline.stages.transcribe import language as spoken
from pipeline.stages.transcribe import vad as voice
from pipeline.stages.transcribe.engine import SpeechOptions
from pipeline.stages.transcribe.listening import Listener
from pipeline.stages.transcribe.parts import Decided, Spoken
from pipeline.stages.transcribe.windows import Rules

VERSION = "4"
PACKAGES = dict.fromkeys(
    ("ctranslate2", "ffmpeg", "numpy", "onnxruntime", "tiktoken"), "transcribe"
)

_WINDOW_S = 30.0  # Whisper's input
_MARGIN_S = 0.5  # of silence beside speech; twice of it remains of a longer silence
_LEAST_S = 0.25
_SMOOTH_S = 0.6  # about the pause between sentences, so that it is preferred to one between words
_HYSTERESIS = 0.15
_EXCERPT = 500
_SECTION_S = 300


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
    language: spoken.Language | None = Field(
        None,
        description="Language of the speech, such as de, deu or de-AT; detected in each part of "
        "the video if not set",
    )
    audio_track: tracks.Wanted | None = Field(
        None,
        description="Audio track to hear: its number in the file, from 1, or its language; "
        "otherwise the track in `language`, the file's default, or the first without commentary",
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
    range_s: int = Field(
        300,
        ge=60,
        le=86_400,
        description="Seconds that one worker transcribes; a longer video is cut in pauses. From "
        "300 on, in steps of 300, and the result does not depend on it",
    )


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


def prepare(params: Params) -> None:
    """Check the weights; fetch the best ones if they are not here."""
    weights.choose(params.model, "speech", try_fetch=True)
    _weights(params)


def warm_up(params: Params) -> None:
    """Load the models before the first video."""
    prepare(params)
    _engine(params).load(_weights(params))
    voice.load()


def _engine(params: Params) -> ModuleType:
    """Return the module of the library that runs the model."""
    return whisper if params.engine == whisper.NAME else ctranslate


def _weights(params: Params) -> weights.Weights:
    return weights.resolve(weights.choose(params.model, "speech"), _engine(params).FORM)


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    """Write the transcript and captions of ``source``; see ``plan`` and ``merge``."""
    return in_place.run(cast("Divisible", sys.modules[__name__]), source, params, work, report)


def plan(source: Source, params: Params, report: Report) -> Plan:
    """Divide the sound in pauses; decide on the track and the language.

    Raises:
        BadInput: ``unknown_language``, ``translate_unsupported``: the model does not support it;
            ``unknown_track``: there is no audio track of this number.
        MissingDependency: the model is missing.
    """
    all_tracks = source.probe.audio
    heard = tracks.ordered(all_tracks, params.audio_track, params.language)
    if not heard:
        notice = Notice(code="no_audio", message="The video has no audio to transcribe.")
        return Decided(notices=[notice]).plan([0.0, source.probe.duration_s])
    model = _weights(params)
    engine = _engine(params).load(model)
    language, forced = spoken.chosen(params.language, params.task, params.model, engine)
    decided = Decided(
        track=heard[0].index,
        language=language,
        notices=[
            *tracks.missing(all_tracks, params.audio_track),
            *forced,
            *shared.demo(model),
        ],
    )
    section_s = min(params.range_s, _SECTION_S)
    edges = hearing.edges(source, heard[0], section_s, _rules(params), report)
    return decided.plan(edges, round(params.range_s / section_s))


def run_range(
    source: Source,
    params: Params,
    plan: Plan,
    range_: Range,
    parts: Parts,  # noqa: ARG001 - no range needs another one
    work: Work,  # noqa: ARG001 - it writes no file
    report: Report,
) -> Part:
    """Transcribe one range; without a language, detect that of each window."""
    decided = Decided.model_validate(plan.data)
    track = _track(source, decided)
    if track is None:
        return Part(data=Spoken().model_dump(mode="json"))
    options = SpeechOptions(
        task=params.task,
        beam_size=params.beam_size,
        # Cross-attention aligns text with audio of the same words; a translation has others.
        word_times=params.word_timestamps and params.task == "transcribe",
        prompt=params.initial_prompt,
    )
    engine = _engine(params).load(_weights(params))
    found = []
    length_s = max(range_.end_s - range_.start_s, 0.001)
    for section in decided.sections(range_):
        listener = Listener(engine, options, decided.language, finds_voice=params.vad)
        start, width = section.start_s - range_.start_s, section.end_s - section.start_s
        step = Step(report, start / length_s, width / length_s)
        found.append(hearing.spoken(source, track, section, listener, _rules(params), step))
    return Part(data=Spoken.joined(found).model_dump(mode="json"))


def merge(
    source: Source,
    params: Params,
    plan: Plan,
    parts: Parts,
    work: Path,
    report: Report,  # noqa: ARG001 - it is short
) -> Result:
    """Write transcript, captions and text of the utterances of all ranges.

    Without audio or speech, the result is empty and has a warning.

    Raises:
        BadInput: ``undecodable``: no range could be decoded.
    """
    decided = Decided.model_validate(plan.data)
    found = [Spoken.model_validate(one.part.data) for one in parts]
    failures = [one.failure for one in found if one.failure]
    if len(failures) == len(found):
        raise BadInput("undecodable", failures[0].message)
    utterances = [utterance for one in found for utterance in one.utterances]
    made_by = identity(params)
    transcript = joining.transcript(utterances, params.task, source.probe.duration_s, made_by)
    limits = captions.Limits(
        width=params.caption_width, lines=params.caption_lines, max_s=params.caption_max_s
    )
    notices = [*decided.notices, *_notices(source, params, _track(source, decided), found)]
    if damaged := [one.range for one, its in zip(parts, found, strict=True) if its.damaged]:
        times = shared.where(damaged, of=len(found))
        message = f"Parts of the audio are damaged and were skipped{times}."
        notices.append(Notice(code="damaged_audio", message=message))
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
        warnings=sorted(notices, key=lambda one: one.level != "warning"),
    )


def _track(source: Source, decided: Decided) -> AudioStream | None:
    return next((one for one in source.probe.audio if one.index == decided.track), None)


def _notices(
    source: Source, params: Params, track: AudioStream | None, found: Sequence[Spoken]
) -> list[Notice]:
    """Return the notices about the speech in a track; none without a track."""
    if track is None:
        return []
    notices = []
    if not any(utterance.segments for one in found for utterance in one.utterances):
        notices.append(_no_speech(source.probe.audio, track))
    elif params.audio_track is None:
        notices += tracks.guessed(source.probe.audio, track, params.language)
    return notices


def _no_speech(audio: Sequence[AudioStream], heard: AudioStream) -> Notice:
    text = "No speech was found in the audio."
    if len(audio) > 1:
        number = audio.index(heard) + 1
        text = (
            f"No speech was found in audio track {number}. The file also has "
            f"{tracks.listed(audio, without=heard)}: set `audio_track` to hear another one."
        )
    return Notice(code="no_speech", message=text, level="info")


def _rules(params: Params) -> Rules:
    """Return the rules of windows; without voice activity detection all audio is speech."""
    threshold = params.vad_threshold if params.vad else 0.0
    return Rules(
        threshold=threshold,
        keep=threshold - _HYSTERESIS,
        longest=_frames(_WINDOW_S),
        margin=_frames(_MARGIN_S),
        least=_frames(_LEAST_S),
        smooth=_frames(_SMOOTH_S),
    )


def _frames(seconds: float) -> int:
    return int(seconds / voice.FRAME_S)
