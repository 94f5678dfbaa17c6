"""The table of a run, and its place in docs/performance.md."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import chart
from benchmarks.comparison import OURS
from benchmarks.measure import ROOT

PAGE: Final = ROOT / "docs" / "performance.md"
CHART: Final = ROOT / "docs" / "performance.svg"
_BEGIN: Final = "<!-- make bench: begin -->"
_END: Final = "<!-- make bench: end -->"
_IMAGE: Final = f"![CPU seconds of each candidate, medians; less is better]({CHART.name})"
_MORE: Final = {"peak_mb": "{:.0f}", "read_mb": "{:.0f}", "wer": "{:.3f}"}


def write(report: Mapping[str, Any], page: Path = PAGE) -> None:
    """Write the chart, and replace the table of the page.

    Raises:
        ValueError: the page has no marks for the table.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{page} has no {_BEGIN} and {_END}.")
    inside = f"{_BEGIN}\n\n{_IMAGE}\n\n{_origin(report)}\n\n{table(report)}\n{_END}"
    page.write_text(f"{before}{inside}{after}", encoding="utf-8")
    CHART.write_text(chart.svg(report), encoding="utf-8")


def table(report: Mapping[str, Any]) -> str:
    """Return the figures and the bars in Markdown."""
    return "\n".join([*_figures(report), "", *_bars(report), ""])


def _origin(report: Mapping[str, Any]) -> str:
    host, choices = report["host"], report["choices"]
    versions = ", ".join(f"{name} {version}" for name, version in report["packages"].items())
    rounds = max((found["rounds"] for found in report["comparisons"].values()), default=0)
    return (
        f"Measured on {report['date']} at commit `{report['commit']}`: {host['cores']} cores of "
        f"{host['cpu']}, {host['memory_gb']} GB, Python {host['python']}; {versions}. Medians of "
        f"{rounds} rounds on videos of {choices['seconds']} s, {choices['threads']} thread each."
    )


def _figures(report: Mapping[str, Any]) -> Iterator[str]:
    yield "| comparison | candidate | CPU-s (quartiles) | : ours | peak MB | MB read | WER |"
    yield "|---|---|---|---|---|---|---|"
    for name, found in report["comparisons"].items():
        key = found["figure"]
        ours = found["candidates"].get(OURS, {}).get(key, {}).get("median")
        for candidate, figures in found["candidates"].items():
            value = figures[key]
            times = f"{value['median']:.2f} ({value['low']:.2f}-{value['high']:.2f})"
            compared = f"{value['median'] / ours:.2f}" if ours else ""
            rest = " | ".join(
                form.format(figures[figure]["median"]) if figure in figures else ""
                for figure, form in _MORE.items()
            )
            yield f"| {name} | {candidate} | {times} | {compared} | {rest} |"


def _bars(report: Mapping[str, Any]) -> Iterator[str]:
    yield "| comparison | bar | limit | measured | |"
    yield "|---|---|---|---|---|"
    for name, found in report["comparisons"].items():
        for bar in found["bars"]:
            verdict = {None: "", True: "pass", False: "**missed**"}[bar["passed"]]
            limit, measured = _limit(bar), bar["value"]
            if not limit:
                verdict = ""
            value = f"{measured['median']:.3g}" if measured else "not measured"
            yield f"| {name} | {bar['name']} | {limit} | {value} | {verdict} |"


def _limit(bar: Mapping[str, Any]) -> str:
    if bar["least"] is not None:
        return f"≥ {bar['least']:g}"
    return f"≤ {bar['most']:g}" if bar["most"] is not None else ""
