"""What the command line shows: progress bars while things happen, tables once they have."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from pipeline.catalog.records import TERMINAL, StageRun, Video
from pipeline.cli.doctor import Finding
from pipeline.client import StackFile
from pipeline.objects.detections import Frame
from pipeline.stage import Result
from pipeline.views import VideoItem, VideoView

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
    "ok": "green",
    "missing": "red",
    "optional": "yellow",
}


class _Bars:
    """A block of progress bars that shows nothing when quiet or not on a terminal."""

    def __init__(self, console: Console, *columns: ProgressColumn, quiet: bool) -> None:
        self._progress = Progress(*columns, console=console, disable=quiet)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()


class UploadBars(_Bars):
    """One bar a file, in bytes."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            quiet=quiet,
        )

    def start(self, path: Path) -> Callable[[int], None]:
        """Add a bar for ``path``; the function returned takes the bytes just sent."""
        size = path.stat().st_size if path.is_file() else 0
        task = self._progress.add_task(f"upload {escape(path.name)}", total=size)
        return lambda count: self._progress.advance(task, count)


class StageBars(_Bars):
    """One bar for each stage of each video, in percent."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        super().__init__(
            console,
            TextColumn("{task.fields[video]}"),
            TextColumn("{task.fields[stage]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            quiet=quiet,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def show(self, video: Video) -> None:
        """Bring the bars of ``video`` up to date."""
        for run in video.stages.values():
            place = (video.video_id, run.stage)
            if place not in self._tasks:
                self._tasks[place] = self._progress.add_task(
                    "", total=100, video=escape(video.upload.name), stage=run.stage, note=""
                )
            self._progress.update(
                self._tasks[place],
                completed=100 if run.state in TERMINAL else run.progress,
                note=_note(run),
            )


class OneBar(_Bars):
    """One bar, in percent; entering gives the function that takes the fraction done."""

    def __init__(self, console: Console, title: str, *, quiet: bool) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            quiet=quiet,
        )
        self._task = self._progress.add_task(escape(title), total=1.0)

    def listen(self, fraction: float) -> None:
        """Show ``fraction`` (0 to 1) as done."""
        self._progress.update(self._task, completed=fraction)


def welcome(console: Console, stack: StackFile) -> None:
    """One screen that says what to do next."""
    table = Table.grid(padding=(0, 2))
    for what, how in (
        ("page", stack.api_url),
        ("API", f"{stack.api_url}/docs"),
        ("drop", f"copy a video into {stack.inbox}"),
        ("or", "videodrop add FILE --wait"),
        ("look", "videodrop ls, show, transcript, objects"),
        ("AWS", f"aws --endpoint-url {stack.endpoint} s3 ls" if stack.endpoint else ""),
        ("logs", str(stack.inbox.parent / "logs") if stack.inbox else ""),
    ):
        if how:
            table.add_row(f"[dim]{what}[/dim]", escape(how))
    console.print(Panel(table, title="videodrop", subtitle="Ctrl-C stops", expand=False))


def videos(console: Console, items: Iterable[VideoItem]) -> None:
    """A list of videos, a line each, with what went wrong below."""
    table = Table("id", "name", "status", "length", "stages", "labels", box=None, pad_edge=False)
    problems = []
    for item in items:
        stages = " ".join(_paint(run.state, _short(run.stage, run.state)) for run in item.stages)
        table.add_row(
            item.video_id,
            escape(item.name),
            _paint(item.status),
            _clock(item.duration_s),
            stages,
            escape(", ".join(item.labels)),
        )
        problems += [(item, run) for run in item.stages if run.error]
    console.print(table)
    for item, run in problems:
        if run.error:
            console.print(
                f"[red]{escape(item.name)}[/red] {run.stage}: {escape(run.error.message)} "
                f"[dim]{run.error.failure_class}/{run.error.code}[/dim]"
            )


def video(console: Console, view: VideoView) -> None:
    """Everything about one video."""
    size = f"{view.width}x{view.height}" if view.width else "-"
    console.print(f"[bold]{escape(view.name)}[/bold]  {view.video_id}  {_paint(view.status)}")
    console.print(
        f"{_clock(view.duration_s)}  {size}  {view.bytes / 1e6:.1f} MB  "
        f"uploaded {view.uploaded_at:%Y-%m-%d %H:%M:%S}"
    )
    table = Table("stage", "state", "done", "seconds", "cpu s", "model", "notes", box=None)
    for run in view.stages:
        notes = [notice.message for notice in run.warnings]
        notes += [run.error.message] if run.error else []
        table.add_row(
            run.stage,
            _paint(run.state),
            f"{run.progress:.0f}%",
            f"{run.cost.seconds:.1f}" if run.cost else "",
            f"{run.cost.cpu_seconds:.1f}" if run.cost else "",
            escape(run.models.get("model", "")),
            escape("\n".join(notes)),
        )
    console.print(table)
    files = Table("role", "file", "bytes", box=None)
    for run in view.stages:
        for artifact in run.artifacts:
            files.add_row(artifact.role, escape(artifact.name), f"{artifact.bytes:,}")
    console.print(files)


def labels(console: Console, summary: Mapping[str, Any]) -> None:
    """What is seen: each label with how often, how surely, and when."""
    table = Table("label", "objects", "frames", "best", "when", box=None)
    for label, row in summary.items():
        when = ", ".join(f"{_clock(start)} to {_clock(end)}" for start, end in row["intervals"])
        table.add_row(
            escape(label),
            str(row["tracks"]),
            str(row["frames"]),
            f"{row['best_confidence']:.2f} at {_clock(row['best_time'])}",
            when,
        )
    console.print(table)


def frames(console: Console, found: Iterable[Frame]) -> None:
    """Detections frame by frame."""
    table = Table("time", "label", "confidence", "box", box=None)
    for frame in found:
        for one in frame.objects:
            box = " ".join(f"{edge:.0f}" for edge in one.box)
            table.add_row(f"{frame.time:.2f}", escape(one.label), f"{one.confidence:.2f}", box)
    console.print(table)


def result(console: Console, done: Result, directory: Path) -> None:
    """What a stage wrote."""
    for notice in done.warnings:
        console.print(f"[yellow]{notice.code}[/yellow] {escape(notice.message)}")
    table = Table("role", "file", box=None)
    shown: dict[str, int] = {}
    for artifact in done.artifacts:
        shown[artifact.role] = shown.get(artifact.role, 0) + 1
        if shown[artifact.role] == 1:
            table.add_row(artifact.role, escape(str(directory / artifact.name)))
    console.print(table)
    console.print(f"{len(done.artifacts)} files in {escape(str(directory))}")


def findings(console: Console, found: Iterable[Finding]) -> None:
    """What the doctor found, with what to do."""
    table = Table("", "what", "finding", "what to do", box=None)
    for finding in found:
        table.add_row(
            _paint(finding.verdict), finding.what, escape(finding.detail), escape(finding.fix)
        )
    console.print(table)


def _note(run: StageRun) -> str:
    if run.error:
        return f"[red]{escape(run.error.message)}[/red]"
    if run.current_result and run.current_result.warnings:
        codes = ", ".join(notice.code for notice in run.current_result.warnings)
        return f"[yellow]{escape(codes)}[/yellow]"
    return _paint(run.state)


def _short(stage: str, state: str) -> str:
    return stage if state in TERMINAL else f"{stage}…"


def _paint(word: str, text: str | None = None) -> str:
    return f"[{_COLOURS.get(word, 'default')}]{text or word}[/]"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"
