"""The files of a transcript: data, captions and plain text."""

from pathlib import Path

from pipeline.core.stage import Artifact
from pipeline.stages.transcribe import captions
from pipeline.stages.transcribe.transcript import Transcript


def write(transcript: Transcript, limits: captions.Limits, work: Path) -> list[Artifact]:
    """Write the files of a transcript to ``work``, and return their descriptions.

    Args:
        transcript: the transcript.
        limits: of the captions.
        work: the output directory.
    """
    cues = captions.cues(transcript.words(), limits, transcript.duration)
    artifacts = []
    for name, media_type, role, text in (
        ("transcript.json", "application/json", "transcript_json", transcript.model_dump_json()),
        ("captions.vtt", "text/vtt", "captions_vtt", captions.to_vtt(cues)),
        ("captions.srt", "application/x-subrip", "captions_srt", captions.to_srt(cues)),
        ("transcript.txt", "text/plain; charset=utf-8", "transcript_txt", transcript.plain()),
    ):
        (work / name).write_text(text, encoding="utf-8")
        artifacts.append(Artifact(name=name, media_type=media_type, role=role))
    return artifacts
