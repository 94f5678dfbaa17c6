"""Commands: redrive, prune."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, get_args

import typer
from rich.filesize import decimal
from rich.table import Table

from pipeline import bootstrap
from pipeline.cli import bars, selecting
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import confirm, err, out, plain, print_json
from pipeline.cli.lookup import connect, is_embedded
from pipeline.core.errors import InvalidArgument
from pipeline.results.retention import Policy, Pruned
from pipeline.runs.redrive import MessageClass, Redriven

_CLASSES: dict[str, MessageClass] = {name: name for name in get_args(MessageClass)}


def redrive(
    *,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help=f"Only this failure class: {', '.join(_CLASSES)}; repeatable"),
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(help="Only of this stage, janitor, replays or events; may be repeated"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only")] = False,
    as_json: AsJson = False,
) -> None:
    """Send dead-lettered messages back to their queues."""
    settings, _ = connect()
    with bars.CountBar(err, "messages", quiet=as_json) as bar:
        done = bootstrap.redrive(settings).run(
            functions=stage or None,
            classes=[_class(name) for name in class_] if class_ else None,
            dry_run=dry_run,
            tell=bar.show,
        )
    if as_json:
        rows = [row.model_dump(by_alias=True) for row in done.rows]
        print_json({"dry_run": dry_run, "rows": rows, "hidden": done.hidden})
    else:
        _print_redriven(done, dry_run=dry_run)


def prune(
    *,
    keep: Annotated[
        int, typer.Option(min=0, help="Results a stage to keep beside the current one")
    ] = 3,
    older_than: Annotated[
        str, typer.Option(help="Only what is older: 30d, 12h, or a date such as 2026-01-31")
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed")] = (
        False
    ),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old results, files that nothing refers to, and on this machine replaced uploads."""
    settings, _ = connect()
    policy = Policy(keep=keep, before=selecting.moment(older_than, datetime.now(UTC)))
    if not (dry_run or yes) and (as_json or not sys.stdin.isatty()):
        raise InvalidArgument(
            "not_confirmed",
            "Nothing was removed: there is no terminal to ask on. --dry-run shows what would be "
            "removed, --yes removes it.",
        )

    def walk(*, dry_run: bool) -> dict[str, Pruned]:
        with bars.CountBar(err, "videos", quiet=as_json) as bar:
            found = bootstrap.retention(settings).prune(
                policy, dry_run=dry_run, report=lambda seen: bar.show("", seen)
            )
        if is_embedded(settings):  # on AWS, the bucket's lifecycle rule does it
            files, size = bootstrap.uploads(settings).prune(policy.before, dry_run=dry_run)
            if files:
                found["uploads"] = Pruned(leftovers=files, files=files, bytes=size)
        return found

    found = walk(dry_run=dry_run or not yes)
    if as_json:
        stages = {stage: pruned.model_dump() for stage, pruned in found.items()}
        print_json({"dry_run": dry_run, "stages": stages})
        return
    _print_pruned(found)
    if not found:
        err.print("Nothing to remove.")
    elif dry_run:
        err.print("Nothing was removed. --yes removes it.")
    elif yes:
        err.print("Removed.")
    else:
        confirm("Remove all that for good?", "Nothing was removed.")
        _print_pruned(walk(dry_run=False))
        err.print("Removed.")


def _class(name: str) -> MessageClass:
    if name not in _CLASSES:
        raise InvalidArgument("bad_option", f"There is no class {name}, but {', '.join(_CLASSES)}.")
    return _CLASSES[name]


def _print_redriven(done: Redriven, *, dry_run: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("queue", "class"):
        table.add_column(title)
    for title in ("found", "would be sent" if dry_run else "sent back"):
        table.add_column(title, justify="right")
    for row in done.rows:
        sent = row.chosen if dry_run else row.sent
        table.add_row(plain(row.function), row.failure_class, f"{row.found:,}", f"{sent:,}")
    if done.rows:
        out.print(table)
    elif not done.hidden:
        err.print("No message is dead-lettered.")
    if any(row.failure_class == "bad_event" and not row.chosen for row in done.rows):
        err.print(
            "Messages that cannot be read would fail again: --class bad_event sends them, too."
        )
    if done.hidden:
        err.print(f"Hidden by another receiver: {done.hidden:,} more. Try again in some minutes.")


def _print_pruned(found: Mapping[str, Pruned]) -> None:
    if not found:
        return
    table = Table("stage", box=None, pad_edge=False)
    for title in ("results", "left over", "files", "bytes"):
        table.add_column(title, justify="right")
    for stage, pruned in found.items():
        table.add_row(
            plain(stage),
            *(f"{count:,}" for count in (pruned.results, pruned.leftovers, pruned.files)),
            decimal(pruned.bytes),
        )
    out.print(table)
