"""Progress bars; lines if there is no terminal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from pipeline.cli.console import paint, plain
from pipeline.cli.plans import span
from pipeline.core.records import StageRun, Video
from pipeline.core.status import TERMINAL
from pipeline.replays import views
from pipeline.replays.records import Replay
from pipeline.results import video_view

_LARGE = 5_000_000
"""The size in bytes from which a fetched file is a line of its own where there are no bars."""

# A line of all columns fits into 80.
_BAR = 16
_NAME = Column(no_wrap=True, overflow="ellipsis", max_width=30)


class _Bars:
    """A block of progress bars; lines without a terminal, nothing when quiet."""

    def __init__(self, console: Console, *columns: ProgressColumn, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._lines = not (quiet or console.is_terminal)
        self._progress = Progress(
            *columns, console=console, disable=quiet or not console.is_terminal
        )

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


def _in_bytes() -> tuple[ProgressColumn, ...]:
    """Return the columns of a bar that counts bytes."""
    return (
        TextColumn("{task.description}", table_column=_NAME),
        BarColumn(_BAR),
        DownloadColumn(),
        TransferSpeedColumn(),
    )


class UploadBars(_Bars):
    """A bar for all files, in bytes, and below it one for each file that is being sent.

    Args:
        console: where to draw.
        paths: all files.
        quiet: draw nothing.
    """

    def __init__(self, console: Console, paths: Sequence[Path], *, quiet: bool) -> None:
        eta = TimeRemainingColumn(compact=True)
        super().__init__(console, *_in_bytes(), eta, quiet=quiet)
        self._left, self._count = len(paths), len(paths)
        size = sum(path.stat().st_size for path in paths)
        self._all = self._progress.add_task("", total=size, visible=len(paths) > 1)
        self._describe()

    @contextmanager
    def active(self, path: Path) -> Iterator[Callable[[int], None]]:
        """Show ``path`` in the block; yield a function that adds bytes just sent."""
        size = path.stat().st_size
        if self._lines:
            self._console.print(f"upload {plain(path.name)} ({size:,} bytes)")
        task = self._progress.add_task(f"upload {plain(path.name)}", total=size)
        sent = 0

        def send(count: int) -> None:
            nonlocal sent
            sent += count
            self._progress.advance(task, count)
            self._progress.advance(self._all, count)

        yield send
        self._left -= 1
        self._progress.advance(self._all, size - sent)  # bytes that were there already
        self._progress.update(task, completed=size, visible=self._count == 1)
        self._describe()

    def _describe(self) -> None:
        done = self._count - self._left
        self._progress.update(self._all, description=f"{done} of {self._count} files")


class FetchBars(_Bars):
    """A bar for each file of a model, in bytes."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        super().__init__(
            console,
            *_in_bytes(),
            TimeRemainingColumn(),
            quiet=quiet,
        )

    def start(self, name: str, size: int, done: int) -> Callable[[int], None]:
        """Add a bar for a file that is ``done`` bytes here; return a function that adds bytes."""
        if self._lines and size >= _LARGE:
            self._console.print(f"fetch {plain(name)} ({size / 1e6:,.0f} MB)")
        task = self._progress.add_task(f"fetch {plain(name)}", total=size, completed=done)
        return lambda count: self._progress.advance(task, count)


class StageBars(_Bars):
    """A bar for all videos, in percent, and below it one for each stage at work.

    Args:
        console: where to draw.
        count: number of videos.
        quiet: draw nothing.
    """

    def __init__(self, console: Console, count: int, *, quiet: bool) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}", table_column=_NAME),
            BarColumn(bar_width=_BAR),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[stage]}"),
            quiet=quiet,
        )
        self._count = count
        self._all = self._progress.add_task("", total=100.0 * count, stage="")
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._shown: dict[tuple[str, str], str] = {}

    def show(self, videos: Iterable[Video]) -> None:
        """Update the bars of ``videos``."""
        known = list(videos)
        for video in known:
            for run in video.stages.values():
                self._show(video, run)
        ended = sum(video.status != "processing" for video in known)
        self._progress.update(
            self._all,
            description=f"{ended} of {self._count} videos",
            completed=sum(video_view.progress(video) for video in known),
        )

    def _show(self, video: Video, run: StageRun) -> None:
        place, name = (video.video_id, run.stage), plain(video.upload.name)
        changed = self._shown.get(place) != run.state
        self._shown[place] = run.state
        # On a terminal, what needs a person's eye stays above the bars.
        if changed and (self._lines or _is_odd(run)) and not self._quiet:
            self._progress.console.print(f"{name} {run.stage} {_note(run)}")
        if run.state == "running":
            if place not in self._tasks:
                self._tasks[place] = self._progress.add_task(name, total=100, stage=run.stage)
            self._progress.update(self._tasks[place], completed=run.percent)
        elif place in self._tasks:
            self._progress.remove_task(self._tasks.pop(place))


def _is_odd(run: StageRun) -> bool:
    """Return True if a stage failed or has warnings."""
    warned = run.state in TERMINAL and run.current_result and run.current_result.warned
    return run.error is not None or bool(warned)


class ReplayBar(_Bars):
    """A bar for a replay: the progress of its plan, then of its runs."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            quiet=quiet,
        )
        self._task = self._progress.add_task("", total=None, note="")
        self._shown: tuple[str, int] | None = None

    def show(self, replay: Replay) -> None:
        """Update the bar."""
        view = views.detail(replay, {})
        done, note = view.progress, _replay_note(view)
        # Without a bar, one line for each tenth.
        state = (view.state, int(done.percent // 10))
        if self._lines and self._shown != state:
            self._shown = state
            self._console.print(f"{paint(view.state)} {note}")
        self._progress.update(
            self._task,
            description=paint(view.state),
            total=None if view.state == "planning" else 100,
            completed=done.percent,
            note=note,
        )

    def warn(self, text: str) -> None:
        """Print a warning above the bar."""
        if not self._quiet:
            self._console.print(f"[yellow]{plain(text)}[/yellow]")


class CountBar(_Bars):
    """A bar that counts, with or without a known total."""

    def __init__(self, console: Console, unit: str, *, quiet: bool) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn(f"{{task.completed:,.0f}} {unit}"),
            TimeElapsedColumn(),
            quiet=quiet,
        )
        self._task = self._progress.add_task("", total=None)

    def show(self, title: str, done: int, total: int | None = None) -> None:
        """Update the bar."""
        self._progress.update(self._task, description=plain(title), completed=done, total=total)


class OneBar(_Bars):
    """A bar in percent."""

    def __init__(self, console: Console, title: str, *, quiet: bool) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            quiet=quiet,
        )
        self._task = self._progress.add_task(plain(title), total=1.0)

    def listen(self, fraction: float) -> None:
        """Show ``fraction`` (0 to 1) as done."""
        self._progress.update(self._task, completed=fraction)


def _replay_note(view: views.ReplayView) -> str:
    if view.state in {"planning", "planned"}:
        return f"{view.plan.videos:,} videos examined, {view.plan.runs:,} runs"
    done = view.progress
    ended = done.succeeded + done.reused + done.failed + done.superseded + done.lost
    note = f"{ended:,} of {view.plan.runs:,} runs"
    if bad := done.failed + done.lost:
        note += f", [red]{bad:,} failed[/red]"
    return note + (f", about {span(done.seconds_left)} left" if done.seconds_left else "")


def _note(run: StageRun) -> str:
    if run.error:
        return f"[red]{plain(run.error.message)}[/red]"
    if run.current_result and run.current_result.warnings:
        notices = run.current_result.warnings
        return ", ".join(paint(notice.level, plain(notice.code)) for notice in notices)
    return paint(run.state)
