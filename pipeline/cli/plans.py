"""Tables of replays: plan, progress and outcome."""

from collections.abc import Iterable

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pipeline.cli.console import local, paint, plain
from pipeline.core.records import Estimate
from pipeline.replays.records import OVER
from pipeline.replays.request import ReplayRequest
from pipeline.replays.views import PlanView, ReplayView, StagePlanView

_CENT = 0.01

_OTHER = {
    "left_out": "left out by the uploader",
    "in_progress": "in progress",
    "not_selected": "not selected",
    "failed_permanently": "failed permanently before (`videodrop retry` tries again)",
    "blocked": "cannot be planned",
}
_ENDINGS = {
    "succeeded": "computed",
    "reused": "reused",
    "failed": "failed",
    "superseded": "superseded",
    "lost": "lost",
}


def plan(console: Console, shown: PlanView) -> None:
    """Print the plan: runs, what needs no run, reasons, and the estimate."""
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for title in ("run", "reuse stored", "current", "other", "time", "GPU", "bytes", "USD"):
        table.add_column(title, justify="right")
    counts = [_counts(stage) for stage in shown.stages]
    for stage, numbers in zip(shown.stages, counts, strict=True):
        table.add_row(plain(stage.stage), *map(_number, numbers), *_taken(stage.estimate))
    if len(shown.stages) > 1:
        table.add_section()
        sums = map(sum, zip(*counts, strict=True))
        table.add_row("all", *map(_number, sums), *_taken(shown.estimate))
    console.print(table)
    for stage in shown.stages:
        for line in _reasons(stage):
            console.print(line)
    console.print(f"[dim]{_basis(shown)}[/dim]")


def replay(console: Console, shown: ReplayView) -> None:
    """Print one replay in full."""
    console.print(
        f"[bold]{shown.replay_id}[/bold]  {paint(shown.state)}  "
        f"{plain(asked(shown.request))}  [dim]{local(shown.created_at)}[/dim]"
    )
    if shown.reason:
        console.print(f"[yellow]{plain(shown.reason)}[/yellow]")
    plan(console, shown.plan)
    if shown.started_at:
        outcome(console, shown)


def outcome(console: Console, shown: ReplayView) -> None:
    """Print its progress, or its outcome."""
    done = shown.progress
    counts = [
        f"{getattr(done, ending):,} {word}"
        for ending, word in _ENDINGS.items()
        if getattr(done, ending)
    ]
    how = ", ".join(counts) or "nothing has ended yet"
    left = "" if shown.state in OVER else f" ({done.percent:.0f}% of {shown.plan.runs:,})"
    time, gpu, size, usd = _taken(done.spent)
    took = ", ".join(filter(None, (time, gpu and f"{gpu} of GPU", size, usd and f"{usd} USD")))
    console.print(f"{paint(shown.state)}{left}: {how}. It took {took or 'nothing'}.")
    for sentence in shown.differences:
        console.print(f"  {plain(sentence)}")


def replays(console: Console, items: Iterable[ReplayView]) -> None:
    """Print a list of replays, a line each."""
    table = Table("id", "state", "done", "videos", "runs", "USD", "what", box=None, pad_edge=False)
    for item in items:
        table.add_row(
            item.replay_id,
            paint(item.state),
            f"{item.progress.percent:.0f}%",
            f"{item.plan.videos:,}",
            f"{item.plan.runs:,}",
            dollars(item.plan.estimate.usd),
            plain(asked(item.request)),
        )
    console.print(table)


def asked(request: ReplayRequest) -> str:
    """Describe a request in a line."""
    given = request.model_dump(
        mode="json", exclude_defaults=True, exclude={"params", "dry_run", "videos"}
    )
    words = [name if one is True else f"{name}={_listed(one)}" for name, one in given.items()]
    if request.videos:
        words.insert(0, f"{len(request.videos)} videos by name")
    words += [
        f"{stage}.{name}={value}"
        for stage, params in request.params.items()
        for name, value in params.items()
    ]
    return " ".join(words) or "everything"


def dollars(usd: float) -> str:
    """Format an amount of money; a positive amount below a cent is shown as such."""
    return "<0.01" if 0 < usd < _CENT else f"{usd:,.2f}"


def span(seconds: float) -> str:
    """Format a duration in the largest unit that gives two digits."""
    for limit, unit, word in ((100, 1, "s"), (100 * 60, 60, "min"), (100 * 3600, 3600, "h")):
        if seconds < limit:
            digits = 1 if seconds < 10 * unit else 0
            return f"{seconds / unit:.{digits}f} {word}"
    return f"{seconds / 86400:,.0f} days"


def _taken(amount: Estimate) -> tuple[str, str, str, str]:
    """Format time, GPU time, bytes and dollars; empty if zero."""
    return (
        span(amount.seconds) if amount.seconds else "",
        span(amount.gpu_seconds) if amount.gpu_seconds else "",
        decimal(amount.bytes_out) if amount.bytes_out else "",
        dollars(amount.usd) if amount.usd else "",
    )


def _counts(stage: StagePlanView) -> tuple[int, int, int, int]:
    other = sum(getattr(stage, verdict) for verdict in _OTHER)
    return stage.run, stage.reuse, stage.current, other


def _reasons(stage: StagePlanView) -> Iterable[str]:
    for reason, count in stage.because.items():
        yield f"{plain(stage.stage)}: {plain(reason)} [dim]\N{MULTIPLICATION SIGN}{count:,}[/dim]"
    others = [
        f"{getattr(stage, verdict):,} {words}"
        for verdict, words in _OTHER.items()
        if getattr(stage, verdict)
    ]
    if others:
        yield f"{plain(stage.stage)}: {', '.join(others)}"


def _basis(shown: PlanView) -> str:
    runs = sum(stage.run for stage in shown.stages)
    measured = sum(stage.measured for stage in shown.stages)
    videos = f"{shown.videos:,} {'video' if shown.videos == 1 else 'videos'} examined"
    if not runs:
        return f"{videos}."
    rests = (
        "recorded run times"
        if measured == runs
        else f"recorded run times for {measured:,} of {runs:,} runs, a guess for the rest"
        if measured
        else "a guess: nothing like it has run here yet"
    )
    return f"{videos}. Time is that of one worker; it rests on {rests}. {plain(shown.prices)}."


def _number(count: int) -> str:
    return f"{count:,}" if count else ""


def _listed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
