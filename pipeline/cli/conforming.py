"""``videodrop doctor --conform``: what the endpoints that are set up hold."""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import typer
from rich.table import Table

from pipeline.aws import conformance
from pipeline.aws.conformance import Finding
from pipeline.cli import exits
from pipeline.cli.console import err, out, paint, plain, print_json
from pipeline.cli.lookup import connect


def conform(*, as_json: bool) -> None:
    """Check the endpoints, and print what holds there.

    Raises:
        typer.Exit: something that videodrop needs does not hold.
    """
    connect()
    begun = time.monotonic()
    found = list(_told(conformance.examine(), quiet=as_json))
    if as_json:
        print_json({"findings": [one._asdict() for one in found]})
    else:
        _print(found, time.monotonic() - begun)
    if any(one.needed and not one.holds for one in found):
        raise typer.Exit(exits.FAILED)


def _told(found: Iterable[Finding], *, quiet: bool) -> Iterator[Finding]:
    with ExitStack() as leaving:
        if not quiet:
            leaving.enter_context(err.status("Checking S3, DynamoDB, SQS and EventBridge …"))
        yield from found


def _print(found: list[Finding], took: float) -> None:
    table = Table("", box=None, pad_edge=False)
    for title in ("service", "what", "what differs"):
        table.add_column(title, overflow="fold")
    for one in found:
        verdict = "ok" if one.holds else "missing" if one.needed else "optional"
        table.add_row(paint(verdict), one.service, one.what, plain(one.detail))
    out.print(table)
    differ = [one for one in found if not one.holds]
    needed = sum(one.needed for one in differ)
    held = len(found) - len(differ)
    out.print(
        f"{held} of {len(found)} hold, checked in {took:.0f} s. "
        + (f"{needed} of the others are needed." if needed else "videodrop works here.")
    )
