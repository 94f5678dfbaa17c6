"""The transcript of all utterances of a sound."""

from collections.abc import Mapping, Sequence

from pipeline.stages.transcribe.transcript import ModelName, Transcript
from pipeline.stages.transcribe.utterance import Utterance


def transcript(
    utterances: Sequence[Utterance], task: str, duration: float, made_by: Mapping[str, str]
) -> Transcript:
    """Join utterances, in order, into a transcript in the language of the most speech.

    Args:
        utterances: of the whole sound.
        task: ``transcribe`` or ``translate``.
        duration: of the video, seconds.
        made_by: the identity of the model; see ``StageModule.identity``.
    """
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
        task=task,
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
