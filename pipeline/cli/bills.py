"""Tables of the cost report."""

import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from pipeline.cli.console import plain
from pipeline.cli.plans import dollars, span
from pipeline.costs import Report
from pipeline.costs.break_even import BreakEven
from pipeline.costs.lines import Line, total
from pipeline.costs.pace import Pace
from pipeline.costs.price_table import MARKETS, PriceLine
from pipeline.costs.quotas import Check

_FEW = 10
_NOBODY = "nobody: from memory"
_WIDTH = 100


def report(console: Console, found: Report) -> None:
    """Print the whole report."""
    work = found.workload
    videos = f"{work.videos_per_day:g} videos a day of {work.minutes:g} minutes"
    _bill(console, "A month without work", found.idle)
    _bill(console, "Options, each, a month", found.warm, sums=False)
    _hours(console, found)
    _bill(console, "An hour of video in store and watched", found.kept_and_watched, sums=False)
    _bill(console, "A million queries", found.queries)
    _bill(console, "Search", found.search, sums=False)
    _bill(console, f"A month of {videos}", found.month)
    _loads(console, found, f"In work at once, at {work.peak:g} times that")
    _checks(console, found.checks)
    _break_even(console, found.break_even, len(found.paces))
    _prices(console, found.price_lines)
    for text in (found.not_priced, f"{found.prices}. {found.note}"):
        for line in textwrap.wrap(text, _WIDTH):
            console.print(f"[dim]{plain(line)}[/dim]")


def _bill(console: Console, title: str, lines: Sequence[Line], *, sums: bool = True) -> None:
    table = _table(title, right=["USD"], left=["how"])
    for line in lines:
        table.add_row(plain(line.what), dollars(line.usd), plain(line.note))
    if sums:
        table.add_row("all", dollars(total(lines)))
    _show(console, table)


def _prices(console: Console, lines: Sequence[PriceLine]) -> None:
    table = _table("Prices", right=["USD", "as of"], left=["confirmed by"])
    for line in lines:
        # Without an exponent, which nobody multiplies with.
        usd = f"{line.usd:.10f}".rstrip("0").rstrip(".")
        table.add_row(plain(line.what), usd, line.as_of, plain(line.source or _NOBODY))
    _show(console, table)


def _hours(console: Console, found: Report) -> None:
    markets = list(found.hours[0].on_host)
    names = [f"GPU {MARKETS[market]}" for market in markets]
    table = _table(
        "An hour of video",
        right=["CPU s/s", "GPU s/s", "USD: Lambda", *names, "requests", "store, a month"],
        left=["from"],
    )
    rows = [
        (one.on_lambda, *(one.on_host[name] for name in markets), one.requests, one.stored_month)
        for one in found.hours
    ]
    for pace, amounts in zip(found.paces, rows, strict=True):
        table.add_row(
            plain(pace.stage),
            f"{pace.cpu:.2g}",
            f"{pace.gpu:.2g}",
            *map(_cents, amounts),
            _rests(pace),
        )
    sums = [_cents(sum(column)) for column in zip(*rows, strict=True)]
    table.add_row("all", "", "", *sums)
    _show(console, table)


def _loads(console: Console, found: Report, title: str) -> None:
    table = _table(title, right=["a run takes", "uploads/s", "mean", "99 of 100 moments"])
    table.add_column("host")
    for one in found.loads:
        table.add_row(
            plain(one.stage),
            span(one.seconds),
            f"{one.arrivals:.2g}",
            _count(one.mean),
            f"{one.most:,}",
            one.host,
        )
    _show(console, table)


def _checks(console: Console, checks: Sequence[Check]) -> None:
    """Print exceeded limits, and of the others the stage that comes closest."""
    table = _table("Limits", right=["allowed", "needed"], left=["", "what to do"])
    closest: dict[str, Check] = {}
    for check in checks:
        if check.limit not in closest or _part(check) > _part(closest[check.limit]):
            closest[check.limit] = check
    for check in checks:
        if check.hit or check == closest[check.limit]:
            of = f"{check.stage}: " if check.stage else ""
            table.add_row(
                plain(of + check.limit),
                f"{check.allowed:,}",
                _count(check.needed),
                "[red]hit[/red]" if check.hit else "ok",
                plain(check.advice) if check.hit else "",
            )
    _show(console, table)


def _part(check: Check) -> float:
    return check.needed / check.allowed if check.allowed else check.needed


def _break_even(console: Console, ways: Iterable[BreakEven], stages: int) -> None:
    table = _table(
        "Other ways, USD", right=["a month", "an hour", "here"], left=["instead of", "cheaper"]
    )
    for way in ways:
        table.add_row(
            plain(way.name),
            dollars(way.theirs.month),
            _cents(way.theirs.hour),
            _cents(way.ours.hour),
            plain("all" if len(way.instead_of) == stages else ", ".join(way.instead_of)),
            plain(_verdict(way)),
        )
    _show(console, table)


def _verdict(way: BreakEven) -> str:
    cheaper = "videodrop" if way.cheaper == "ours" else "theirs"
    if way.limit is not None and way.hours is not None and way.hours > way.limit:
        return f"videodrop: the host is full at {way.limit:,.0f} h a month"
    above = "" if way.hours is None else f" above {way.hours:,.0f} h a month"
    full = "" if way.limit is None else f" (full at {way.limit:,.0f})"
    return cheaper + above + full


def _rests(pace: Pace) -> str:
    """Describe the source of a pace: runs or a guess."""
    cpu, gpu = (f"{runs:,} runs" if runs else "a guess" for runs in (pace.cpu_runs, pace.gpu_runs))
    return cpu if cpu == gpu else f"{cpu}; GPU {gpu}"


def _count(number: float) -> str:
    return f"{number:.2g}" if number < _FEW else f"{number:,.0f}"


def _cents(usd: float) -> str:
    """Format USD to a tenth of a cent."""
    return f"{usd:,.3f}"


def _table(title: str, *, right: Iterable[str], left: Iterable[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(plain(title), min_width=10)  # a stage's name, whole
    for name in right:
        table.add_column(name, justify="right")
    for name in left:
        table.add_column(name)
    return table


def _show(console: Console, table: Table) -> None:
    console.print(table)
    console.print()
