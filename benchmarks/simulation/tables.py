"""The report of a simulation in Markdown."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_TWO = "20 min, 2 workers : 1"
Report = Mapping[str, Any]


def markdown(report: Report) -> str:
    """Return the tables of the parts that were simulated, then assumptions and sources."""
    parts = (
        ("film", _film),
        ("divisions", _divisions),
        ("limits", _limits),
        ("lengths", _lengths),
        ("uploads", _uploads),
        ("overload", _overload),
        ("fair", _fair),
    )
    lines = [line for name, part in parts if name in report for line in part(report[name])]
    return "\n".join([*lines, *_bars(report["bars"]), *_basis(report)])


def _film(found: Report) -> Iterator[str]:
    serial = found["serial"]
    yield "### A film of 3 hours, 1080p\n"
    yield (f"One serial worker takes {serial['makespan_s']:.0f} s and {serial['usd']:.2f} USD.\n")
    stages = list(found["rows"][0]["stages_s"])
    yield from _head(
        "workers", "start", "s", *stages, "failed", "faster", "USD", ": serial", "cold starts"
    )
    for row in found["rows"]:
        yield _line(
            f"{row['workers']:,}",
            row["start"],
            f"{row['makespan_s']:.0f}",
            *(f"{row['stages_s'][stage]:.0f}" for stage in stages),
            row["failed_runs"] or "",
            f"{row['faster']:.0f} x",
            f"{row['usd']:.2f}",
            f"{row['cost_ratio']:.3f}",
            row["cold_starts"],
        )
    yield ""


def _limits(found: Report) -> Iterator[str]:
    yield "### The film with the usual settings, each limit lifted in turn\n"
    base = found["base"]
    yield from _head("lifted", "s", "shorter by", "transcode s", "USD")
    for row in ({"lifted": "none", "gain": 0.0, **base}, *found["rows"]):
        yield _line(
            row["lifted"],
            f"{row['makespan_s']:.0f}",
            f"{row['gain']:.0%}",
            f"{row['stages_s']['transcode']:.0f}",
            f"{row['usd']:.2f}",
        )
    yield ""
    yield from _resources(found["resources"])


def _divisions(found: Iterable[Report]) -> Iterator[str]:
    rows = list(found)
    yield "### The film if it were divided otherwise, 1,000 workers, Lambda, cold\n"
    stages = list(rows[0]["stages_s"])
    yield from _head("division", "s", *stages, "failed", "USD", ": serial", _TWO)
    for row in rows:
        yield _line(
            row["division"],
            f"{row['makespan_s']:.0f}",
            *(f"{row['stages_s'][stage]:.0f}" for stage in stages),
            row["failed_runs"],
            f"{row['usd']:.2f}",
            f"{row['cost_ratio']:.3f}",
            f"{row['faster_with_two']:.2f}",
        )
    yield ""


def _lengths(found: Iterable[Report]) -> Iterator[str]:
    yield "### Length of a range: transcode of the film, sound by 600 s, 1,000 workers\n"
    yield from _head(
        "range s",
        "ranges",
        "s",
        "USD : one pass",
        "CPU : one pass",
        "S3 writes",
        "units/s of its partition",
        "lost by a kill, CPU-s",
        _TWO,
    )
    for row in found:
        yield _line(
            f"{row['range_s']:.0f}",
            row["ranges"],
            f"{row['makespan_s']:.0f}",
            f"{row['cost_ratio']:.3f}",
            f"{row['cpu_ratio']:.3f}",
            f"{row['puts']:,.0f}",
            f"{row['partition_writes_a_second']:.0f} ({row['partition_utilisation']:.0%})",
            f"{row['lost_by_a_kill_cpu_s']:.0f}",
            f"{row['faster_with_two']:.2f}",
        )
    yield ""


def _uploads(found: Report) -> Iterator[str]:
    yield f"### {found['uploads']:,} uploads at the rate of 100,000 a day\n"
    mix = (
        f"{part['share']:.0%} {part['kind']} ({part['least_s']}-{part['most_s']} s)"
        for part in found["mix"]
    )
    yield f"Mix: {', '.join(mix)}; 60 % 1080p, the others 720p.\n"
    usd = found["usd"]
    services = ", ".join(f"{name} {value:,.0f}" for name, value in usd.items())
    yield (
        f"{found['messages']:,} messages, {found['retried']:,} of them again; failed runs: "
        f"{found['failed_runs'] or 'none'}. {found['videos_an_hour']:,.0f} videos an hour; the "
        f"account's executions are busy {found['busy_share_of_account']:.0%} of the time. "
        f"{sum(usd.values()):,.0f} USD ({services}), {found['usd_a_video']:.4f} a video.\n"
    )
    yield from _head("", "p50 s", "p95 s", "p99 s", "most s")
    for name, spread in found["wait_s"].items():
        yield _line(f"wait for a worker, {name}", *_spread(spread))
    for name, spread in found["ready_s"].items():
        yield _line(f"upload to last result, {name}", *_spread(spread))
    yield ""
    yield from _resources(found["resources"])


def _overload(found: Report) -> Iterator[str]:
    yield f"### {found['uploads']:,} uploads within a minute, each limit lifted in turn\n"
    yield from _head("lifted", "videos an hour", "95 % ready, s", "shorter by")
    base = found["base"]
    yield _line("none", f"{base['videos_an_hour']:,.0f}", f"{base['ready_s']:,.0f}", "")
    for row in found["rows"]:
        yield _line(
            row["lifted"],
            f"{row['videos_an_hour']:,.0f}",
            f"{row['ready_s']:,.0f}",
            f"{row['gain']:.0%}",
        )
    yield ""
    yield "The limit that messages wait for most, lifted again and again:\n"
    yield from _head("waited for most", "message-seconds", "videos an hour", "executions at once")
    for row in found["chain"]:
        yield _line(
            row["first"],
            f"{row['waited_s']:,.0f}",
            f"{row['videos_an_hour']:,.0f}",
            f"{row['peak_executions']:,}",
        )
    yield ""
    yield from _resources(found["resources"])


def _fair(found: Iterable[Report]) -> Iterator[str]:
    yield "### Clips of 30 s behind 3 films, transcode\n"
    yield from _head(
        "fair queues", "clip waits s, p50", "p95", "most", "clip ready s, p50", "p95",
        "films ready s",
    )  # fmt: skip
    for row in found:
        wait, ready = row["clip_wait_s"], row["clip_ready_s"]
        yield _line(
            "on" if row["fair"] else "off",
            *(f"{wait[name]:.1f}" for name in ("p50", "p95", "max")),
            *(f"{ready[name]:.1f}" for name in ("p50", "p95")),
            f"{row['film_ready_s']['max']:.0f}",
        )
    yield ""


def _resources(found: Report) -> Iterator[str]:
    yield from _head("limit", "busiest moment", "message-seconds waited for it")
    rows = sorted(found.items(), key=lambda one: -one[1]["waited_s"])
    for name, row in rows:
        share = row["utilisation"]
        yield _line(name, "" if share is None else f"{share:.1%}", f"{row['waited_s']:,.0f}")
    yield ""


def _bars(bars: Iterable[Report]) -> Iterator[str]:
    bars = list(bars)
    if not bars:
        return
    yield from _head("bar", "limit", "simulated", "")
    for bar in bars:
        verdict = "pass" if bar["value"] <= bar["most"] else "**missed**"
        yield _line(bar["name"], f"≤ {bar['most']:g}", f"{bar['value']:.3g}", verdict)
    yield ""


def _basis(report: Report) -> Iterator[str]:
    yield "Documented:\n"
    yield from (f"* {one['text']} <{one['source']}>" for one in report["facts"])
    yield "\nAssumed:\n"
    yield from (f"* {text}" for text in report["assumptions"])
    yield f"\nMeasured: {report['measured']['note']} On {report['measured']['host']}."


def _spread(found: Mapping[str, float]) -> Iterator[str]:
    return (f"{found[name]:,.1f}" if found else "" for name in ("p50", "p95", "p99", "max"))


def _head(*names: str) -> Iterator[str]:
    yield _line(*names)
    yield _line(*("---" for _ in names))


def _line(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
