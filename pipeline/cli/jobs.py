"""Commands: status, queues pause, queues resume."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from pipeline import bootstrap
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import err, out, paint, plain, print_json
from pipeline.cli.lookup import connect
from pipeline.results.jobs import PAUSED, Jobs, JobsView, JobView, QueueLane, QueueView

app = typer.Typer(no_args_is_help=True, help="Pause and resume the queues of stages.")

_SHOWN = 20

Stage = Annotated[str, typer.Argument(help="A stage, e.g. detect")]
Lane = Annotated[
    QueueLane | None, typer.Option(help="live: uploads; replay: replays; by default both")
]


def status(*, as_json: AsJson = False) -> None:
    """Show what runs, what waits, what failed, and the queues."""
    now = _jobs().now()
    if as_json:
        print_json(now)
        return
    for title, jobs in (("runs", now.running), ("waits", now.waiting), ("failed", now.failed)):
        _print_jobs(title, jobs)
    _print_queues(now)


@app.command()
def pause(stage: Stage, *, lane: Lane = None) -> None:
    """Have workers take no more messages of a stage; jobs in progress still end."""
    jobs = _jobs()
    for one in _lanes(lane):
        jobs.pause(stage, one)
    err.print(f"{PAUSED} `videodrop queues resume {plain(stage)}` goes on.")


@app.command()
def resume(stage: Stage, *, lane: Lane = None) -> None:
    """Have workers take messages of a stage again."""
    jobs = _jobs()
    for one in _lanes(lane):
        jobs.resume(stage, one)
    err.print("Workers take messages again, within seconds.")


def _jobs() -> Jobs:
    settings, _ = connect()
    return bootstrap.jobs(settings)


def _lanes(lane: QueueLane | None) -> list[QueueLane]:
    return [lane] if lane else ["live", "replay"]


def _print_jobs(title: str, jobs: list[JobView]) -> None:
    if not jobs:
        return
    table = Table(title, "video", "stage", "", box=None, pad_edge=False)
    for one in jobs[:_SHOWN]:
        table.add_row(
            one.video_id, plain(one.name), paint(one.run.state, one.run.stage), _note(one)
        )
    out.print(table)
    if len(jobs) > _SHOWN:
        out.print(f"[dim]… and {len(jobs) - _SHOWN:,} more[/dim]")


def _note(job: JobView) -> str:
    run = job.run
    if run.error:
        return plain(run.error.message)
    if run.state == "running":
        return plain(run.parts.text) if run.parts else f"{run.progress:.0f}%"
    return "of a replay" if job.lane == "replay" else ""


def _print_queues(now: JobsView) -> None:
    table = Table("queue", box=None, pad_edge=False)
    for title in ("waiting", "at work", ""):
        table.add_column(title, justify="right" if title else "left")
    for one in _worth_a_line(now.queues):
        name = one.stage if one.lane == "live" else f"{one.stage} (replays)"
        table.add_row(plain(name), f"{one.waiting:,}", f"{one.at_work:,}", _state(one))
    out.print(table)
    for stage, dead in now.dead_lettered.items():
        err.print(f"{plain(stage)}: {dead:,} dead-lettered. `videodrop redrive` sends them again.")


def _worth_a_line(queues: Iterable[QueueView]) -> Iterable[QueueView]:
    return (one for one in queues if one.lane == "live" or one.waiting or one.at_work or one.paused)


def _state(queue: QueueView) -> str:
    if queue.paused:
        return paint("paused")
    return "held back: live work goes first" if queue.held_back else ""
