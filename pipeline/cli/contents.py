"""The commands ``transcript`` and ``objects``: the contents of a video."""

import sys
from typing import Annotated, Any, Literal

import typer

from pipeline import bootstrap
from pipeline.cli import console
from pipeline.cli.arguments import AsJson, Reference
from pipeline.cli.console import err, out, print_json
from pipeline.cli.lookup import artifact, connect, find
from pipeline.stages.detect.detections import Wanted

_TRANSCRIPTS = {
    "txt": "transcript_txt",
    "vtt": "captions_vtt",
    "srt": "captions_srt",
    "json": "transcript_json",
}


def transcript(
    reference: Reference,
    *,
    format_: Annotated[
        Literal["txt", "vtt", "srt", "json"], typer.Option("--format", help="Output format")
    ] = "txt",
    as_json: AsJson = False,
) -> None:
    """Print the transcript of a video."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    role = _TRANSCRIPTS["json" if as_json else format_]
    result, file = artifact(video, role, "a transcript")
    sys.stdout.buffer.write(bootstrap.artifacts(settings).read(result.prefix + file.name))
    sys.stdout.flush()


def objects(
    reference: Reference,
    *,
    label: Annotated[str | None, typer.Option(help="Only this label, frame by frame")] = None,
    min_confidence: Annotated[
        float, typer.Option(help="Only what is at least so sure, 0 to 1", min=0, max=1)
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """List the objects in a video, and when they are in view."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    result, file = artifact(video, "detections_json", "a list of objects")
    summary: Any = result.summary.get("labels", {})
    if not (as_json or label or min_confidence):
        console.labels(out, summary)
        if not summary:
            err.print("The model found no objects.")
        return
    chunks = bootstrap.artifacts(settings).stream(result.prefix + file.name)
    wanted = Wanted(label=label, min_confidence=min_confidence)
    frames = [frame for _, frame in wanted.frames(chunks)]
    if as_json:
        shown = [frame.model_dump() for frame in frames]
        print_json({"models": result.identity, "labels": summary, "frames": shown})
    else:
        console.frames(out, frames)
