"""Tables and messages on the terminal.

File names, labels and messages come from anyone who can upload a video: ``plain`` removes control
characters and escapes Rich's markup.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from pipeline import bootstrap
from pipeline.cli import exits
from pipeline.cli.doctor import Finding
from pipeline.core.errors import Interrupted
from pipeline.core.records import Video
from pipeline.core.settings import Settings
from pipeline.core.stage import Result
from pipeline.core.status import TERMINAL
from pipeline.hosts.stack_file import StackFile
from pipeline.results import video_view
from pipeline.results.video_view import VideoItem, VideoView
from pipeline.stages.detect.detections import Frame

_COLOURS = {
    "ready": "green",
    "ready_with_warnings": "yellow",
    "processing": "cyan",
    "partial": "magenta",
    "failed": "red",
    "deleted": "dim",
    "succeeded": "green",
    "skipped": "dim",
    "running": "cyan",
    "pending": "dim",
    "superseded": "dim",
    "planning": "cyan",
    "planned": "cyan",
    "paused": "yellow",
    "finished": "green",
    "cancelled": "dim",
    "ok": "green",
    "missing": "red",
    "optional": "yellow",
    "here": "green",
    "not here": "dim",
    "demonstration": "cyan",
    "warning": "yellow",
    "info": "cyan",
}


# Control characters, directional overrides, and halves of characters that are not UTF-8.
_ACTED_UPON = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNWRAPPED = 1000
WIDE = 140
"""Columns of a terminal from which tables show everything."""
_BESIDE_NAME = 60  # columns of the rest of a narrow table
_BRIEF = 8  # digits of an id, of which a command needs no more


def confirm(question: str, otherwise: str) -> None:
    """Ask on the terminal, and exit unless the answer is yes.

    Args:
        question: a yes-or-no question.
        otherwise: printed after no.

    Raises:
        typer.Exit: the answer is no.
        Interrupted: ``interrupted``: Ctrl-C instead of an answer.
    """
    try:
        if typer.confirm(question, err=True):
            return
    except typer.Abort as error:
        raise Interrupted("interrupted", otherwise) from error
    err.print(otherwise)
    raise typer.Exit(exits.FAILED)


def make(*, stderr: bool = False) -> Console:
    """Make a console on standard output or error; it wraps lines only on a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else _UNWRAPPED)


def plain(text: str) -> str:
    """Return ``text`` as Rich markup that prints it as it is."""
    return escape(_ACTED_UPON.sub("\N{REPLACEMENT CHARACTER}", text))


out = make()
err = make(stderr=True)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on standard output, for programs."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True)
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_videos(found: Iterable[Video], settings: Settings, *, as_json: bool) -> None:
    """Print a list of videos on standard output."""
    sign = bootstrap.artifacts(settings).url
    items = [video_view.item(video, sign) for video in found]
    if as_json:
        print_json({"videos": [item.model_dump(mode="json") for item in items]})
    else:
        videos(out, items)


def welcome(console: Console, stack: StackFile) -> None:
    """Print one screen with the next steps."""
    config = stack.environment.get("AWS_CONFIG_FILE")  # set by the embedded AWS only
    table = Table.grid(padding=(0, 2))
    for what, how in (
        ("page", stack.page()),
        *(("others", stack.page(at=url)) for url in stack.lan_urls),
        ("API", f"{stack.api_url}/docs"),
        ("drop", f"copy a video into {stack.inbox}"),
        ("or", "videodrop add FILE --wait"),
        ("look", "videodrop ls, show, search, transcript, objects"),
        (
            "AWS",
            f"AWS_CONFIG_FILE={config} aws --profile videodrop s3 ls" if config else "",
        ),
        ("logs", str(stack.inbox.parent / "logs") if stack.inbox else ""),
    ):
        if how:
            table.add_row(f"[dim]{what}[/dim]", plain(how))
    console.print(Panel(table, title="videodrop", subtitle="Ctrl-C stops", expand=False))


def videos(console: Console, items: Iterable[VideoItem]) -> None:
    """Print a list of videos, a line each, with errors below."""
    wide = console.width >= WIDE
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    rest = console.width - _BESIDE_NAME
    table.add_column("name", overflow="ellipsis", no_wrap=True, max_width=max(_BRIEF, rest))
    for title in ("status", "length", "uploaded"):
        table.add_column(title, no_wrap=True)
    for title in ("stages", "labels") if wide else ():
        table.add_column(title)
    problems = []
    for item in items:
        states = " ".join(paint(run.state, _short(run.stage, run.state)) for run in item.stages)
        done = f" {item.progress:.0f} %" if item.status == "processing" else ""
        table.add_row(
            item.video_id if wide else item.video_id[:_BRIEF],
            plain(item.name),
            paint(item.status, f"{item.status}{done}"),
            clock(item.duration_s),
            minute(item.uploaded_at),
            *((states, plain(", ".join(item.labels))) if wide else ()),
        )
        problems.append((item.name, _reasons(item)))
    console.print(table)
    for name, reasons in problems:
        for (message, code), stages in reasons.items():
            console.print(
                f"[red]{plain(name)}[/red] {', '.join(stages)}: {plain(message)} [dim]{code}[/dim]"
            )


def _reasons(item: VideoItem) -> dict[tuple[str, str], list[str]]:
    """Return stages by error: a bad file stops several stages with the same error."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for run in item.stages:
        if run.error:
            known_as = f"{run.error.failure_class}/{run.error.code}"
            reasons.setdefault((run.error.message, known_as), []).append(run.stage)
    return reasons


def video(console: Console, view: VideoView) -> None:
    """Print one video in full."""
    size = f"{view.width}x{view.height}" if view.width else "-"
    console.print(f"[bold]{plain(view.name)}[/bold]  {view.video_id}  {paint(view.status)}")
    console.print(
        f"{clock(view.duration_s)}  {size}  {view.bytes / 1e6:.1f} MB  "
        f"uploaded {local(view.uploaded_at)}"
    )
    table = Table("stage", "state", "done", "seconds", "cpu s", "model", "notes", box=None)
    for run in view.stages:
        notes = [notice.message for notice in run.warnings]
        notes += [run.error.message] if run.error else []
        notes += [run.parts.text] if run.parts else []
        table.add_row(
            run.stage,
            paint(run.state),
            f"{run.progress:.0f}%",
            f"{run.cost.seconds:.1f}" if run.cost else "",
            f"{run.cost.cpu_seconds:.1f}" if run.cost else "",
            plain(run.models.get("model", "")),
            "\n".join(map(plain, notes)),
        )
    console.print(table)
    files = Table("role", "file", "bytes", box=None)
    for run in view.stages:
        for artifact in run.artifacts:
            files.add_row(artifact.role, plain(artifact.name), f"{artifact.bytes:,}")
    console.print(files)


def labels(console: Console, summary: Mapping[str, Any]) -> None:
    """Print labels, each with its frames, best confidence and intervals."""
    table = Table("label", "objects", "frames", "best", "when", box=None)
    for label, row in summary.items():
        when = ", ".join(f"{clock(start)} to {clock(end)}" for start, end in row["intervals"])
        table.add_row(
            plain(label),
            str(row["tracks"]),
            str(row["frames"]),
            f"{row['best_confidence']:.2f} at {clock(row['best_time'])}",
            when,
        )
    console.print(table)


def frames(console: Console, found: Iterable[Frame]) -> None:
    """Print detections frame by frame."""
    table = Table("time", "label", "confidence", "box", box=None)
    for frame in found:
        for one in frame.objects:
            box = " ".join(f"{edge:.0f}" for edge in one.box)
            table.add_row(f"{frame.time:.2f}", plain(one.label), f"{one.confidence:.2f}", box)
    console.print(table)


def result(console: Console, done: Result, directory: Path) -> None:
    """Print the result of a stage."""
    for notice in done.warnings:
        console.print(f"{paint(notice.level, plain(notice.code))} {plain(notice.message)}")
    table = Table("role", "file", box=None)
    shown: dict[str, int] = {}
    for artifact in done.artifacts:
        shown[artifact.role] = shown.get(artifact.role, 0) + 1
        if shown[artifact.role] == 1:
            table.add_row(artifact.role, plain(str(directory / artifact.name)))
    console.print(table)
    console.print(f"{len(done.artifacts)} files in {plain(str(directory))}")


def findings(console: Console, found: Iterable[Finding]) -> None:
    """Print the doctor's findings, each with its remedy."""
    table = Table("", box=None, pad_edge=False)
    for title in ("what", "finding", "what to do"):
        table.add_column(title, overflow="fold")
    for finding in found:
        table.add_row(
            paint(finding.verdict), finding.what, plain(finding.detail), plain(finding.fix)
        )
    console.print(table)


def _short(stage: str, state: str) -> str:
    return stage if state in TERMINAL else f"{stage}…"


def paint(word: str, text: str | None = None) -> str:
    """Colour a state or verdict, or ``text`` in its place."""
    return f"[{_COLOURS.get(word, 'default')}]{text or word}[/]"


def local(moment: datetime) -> str:
    """Format a time in this machine's time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def minute(moment: datetime) -> str:
    """Format a time of a list: the seconds say nothing there."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def clock(seconds: float | None) -> str:
    """Format a length or a place in a video as players do."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds, 1), 60)  # first, or 59.96 would read 0:60.0
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"
