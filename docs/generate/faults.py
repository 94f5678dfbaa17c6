"""The page of faults, from ``tests/faults/kinds.py``."""

from docs.generate import text
from tests.faults import kinds
from tests.faults.kinds import KINDS, Kind


def page() -> str:
    """Return the page."""
    introduction = (
        "Each of these is caused in real processes, and a job has to end as expected "
        "([`tests/faults`](../../tests/faults/test_kinds.py)).\n`make test` runs some of them, "
        "`make faults` all; it prints what was expected and seen. Nothing left means: no message,"
        "\nno work folder, no process."
    )
    moments = (kinds.__doc__ or "").partition("\n\n")[2].rpartition("\n\n")[2]
    return text.page(
        [
            *text.heading("Faults", introduction),
            *text.table(["Fault", "Moment", "Expected", "`make test`"], map(_row, KINDS)),
            "Moments, in the order of a run:",
            "",
            *text.table(["Moment", "Meaning"], (_moment(line) for line in moments.splitlines())),
        ]
    )


def _row(kind: Kind) -> list[str]:
    when = f"{'after' if kind.late else 'at'} {kind.moment}" if kind.moment else ""
    return [f"{kind.fault} {kind.target}", when, kind.expected, "yes" if kind.quick else ""]


def _moment(line: str) -> list[str]:
    name, _, meaning = line.strip().partition(" ")
    return [name, meaning.strip()]
