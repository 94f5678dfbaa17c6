"""The page of metrics, from ``pipeline/telemetry/names.py``."""

from docs.generate import text
from pipeline.telemetry import names


def page() -> str:
    """Return the page."""
    return text.page(
        [
            *text.heading(
                "Metrics",
                "CloudWatch has the metrics in the namespace that is the installation's name. "
                f"Prometheus finds\nthem at `/metrics`, as `{names.NAMESPACE}_…`. They are defined "
                "in\n[`pipeline/telemetry/names.py`](../../pipeline/telemetry/names.py).",
            ),
            *text.table(
                ["Metric", "Unit", "CloudWatch's dimensions", "Prometheus' labels", "Meaning"],
                (
                    [
                        text.code(one.name),
                        one.unit,
                        "; ".join(text.code(", ".join(sum_)) for sum_ in one.sums),
                        ", ".join(map(text.code, one.labels)),
                        one.help,
                    ]
                    for one in names.ALL
                ),
            ),
        ]
    )
