"""The chart of a run, as SVG: CPU time of each candidate."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

from benchmarks.comparison import OURS

_WIDTH: Final = 860
_LABELS: Final = 250
_BARS: Final = 420
_ROW: Final = 20
_GAP: Final = 34
_STYLE: Final = (
    "text{font:13px sans-serif;fill:#24292f}"
    ".name{font-weight:600}.ours{fill:#0969da}.other{fill:#afb8c1}"
    "@media(prefers-color-scheme:dark){text{fill:#d0d7de}.other{fill:#6e7781}}"
)


def svg(report: Mapping[str, Any]) -> str:
    """Return the chart of the medians of all comparisons; shorter bars are better."""
    rows: list[str] = []
    at = 10
    for name, found in report["comparisons"].items():
        at += _GAP - 14
        rows.append(f'<text class="name" x="10" y="{at}">{escape(name)}</text>')
        at += 8
        medians = {
            candidate: figures[found["figure"]]["median"]
            for candidate, figures in found["candidates"].items()
        }
        rows += _bars(medians, at)
        at += _ROW * len(medians)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {at + 12}" '
        f'width="{_WIDTH}" height="{at + 12}" role="img">'
    )
    title = "<title>CPU seconds of each candidate, medians; less is better</title>"
    return "\n".join([head, title, f"<style>{_STYLE}</style>", *rows, "</svg>"]) + "\n"


def _bars(medians: Mapping[str, float], at: int) -> Iterator[str]:
    longest = max(medians.values(), default=0.0) or 1.0
    ours = medians.get(OURS)
    for number, (name, value) in enumerate(medians.items()):
        y = at + number * _ROW
        length = max(1, round(value / longest * _BARS))
        kind = "ours" if name.startswith(OURS) else "other"
        beside = f"{value:.1f} s"
        if ours and name != OURS:
            beside += f", {value / ours:.1f} x"
        yield f'<text x="24" y="{y + 14}">{escape(name)}</text>'
        yield f'<rect class="{kind}" x="{_LABELS}" y="{y + 3}" width="{length}" height="14"/>'
        yield f'<text x="{_LABELS + length + 8}" y="{y + 14}">{beside}</text>'
