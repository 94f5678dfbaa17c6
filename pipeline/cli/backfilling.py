"""The command ``backfill``: what lies in the uploads bucket already is taken in."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.filesize import decimal

from pipeline import bootstrap
from pipeline.aws.backfill import Place, Seen
from pipeline.cli import bars, plans, selecting
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import confirm, err, local, out, plain, print_json
from pipeline.cli.lookup import connect
from pipeline.core.errors import Interrupted, InvalidArgument
from pipeline.core.settings import Settings
from pipeline.replays.views import PlanView, StagePlanView


def backfill(
    *,
    prefix: Annotated[str | None, typer.Option(help="Only keys that begin so")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what was written since: 2026-01-31, 12h, 7d")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Begin at the first key, not where an earlier one ended")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to run it")] = False,
    as_json: AsJson = False,
) -> None:
    """Take in what lies in the uploads bucket already, after live uploads."""
    settings, _ = connect()
    walk = bootstrap.backfill(settings)
    place = _begin(settings, prefix, since)
    if not again and (left := walk.begun(place.prefix)):
        _told(left, since, quiet=as_json)
        place = left
    found = _last(walk.plan(place), place, "objects", quiet=as_json)
    plan = _plan(settings, found)
    if not as_json:
        _print(found, plan)
    if dry_run or not (found.new or found.captions):
        if as_json:
            print_json(_shown(found, plan, sent=0))
        else:
            err.print("Nothing was sent." if dry_run else "There is nothing to take in.")
        if not dry_run:
            walk.end(place.prefix)
        return
    if not yes:
        _confirm(found, as_json=as_json)
    try:
        sent = _last(walk.run(place), place, "videos", total=found.new, quiet=as_json)
    except KeyboardInterrupt as error:
        said = "Not all was sent: the same command goes on where this one ended."
        raise Interrupted("interrupted", said) from error
    if as_json:
        print_json(_shown(found, plan, sent=sent.new))
    else:
        err.print(f"{sent.new:,} videos were sent. `videodrop status` shows what is left to do.")


def _begin(settings: Settings, prefix: str | None, since: str | None) -> Place:
    """Return the place at which a new walk begins.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    ours = settings.topology.uploads.prefix
    if not (prefix or ours).startswith(ours):
        raise InvalidArgument(
            "bad_option", f"--prefix {prefix}: only what is below {ours} is processed."
        )
    moment = selecting.moment(since, datetime.now(UTC)) if since else None
    return Place(prefix or ours, moment)


def _told(left: Place, since: str | None, *, quiet: bool) -> None:
    """Say that an interrupted walk goes on.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    if since:
        raise InvalidArgument(
            "bad_option",
            "An earlier backfill was interrupted, and goes on with its own --since. Leave it out, "
            "or begin at the first key with --again.",
        )
    if not quiet:
        of = f" of what was written since {local(left.since)}" if left.since else ""
        err.print(f"An earlier backfill{of} goes on after {plain(left.after or left.prefix)}.")


def _last(
    walk: Iterable[Seen], place: Place, unit: str, *, quiet: bool, total: int | None = None
) -> Seen:
    seen = Seen(place)
    with bars.CountBar(err, unit, quiet=quiet) as bar:
        for seen in walk:
            title = "waits for workers" if seen.waits else ""
            bar.show(title, seen.objects if total is None else seen.new, total)
    return seen


def _plan(settings: Settings, found: Seen) -> PlanView:
    unseen = bootstrap.unseen(settings)
    stages = []
    for stage in settings.topology.stages:
        estimate, measured = unseen.estimate(stage, videos=found.new, size=found.bytes)
        nothing = dict.fromkeys(StagePlanView.model_fields, 0)
        given: dict[str, Any] = {"stage": stage, "run": found.new, "because": {}}
        given |= {"estimate": estimate, "measured": found.new if measured else 0}
        stages.append(StagePlanView(**nothing | given))
    whole = sum((one.estimate for one in stages[1:]), stages[0].estimate)
    return PlanView(
        complete=True,
        videos=found.objects,
        runs=sum(one.run for one in stages),
        estimate=whole,
        prices=unseen.prices,
        stages=stages,
    )


def _print(found: Seen, plan: PlanView) -> None:
    out.print(f"{found.new:,} new videos of {decimal(found.bytes)} among {found.objects:,} objects")
    words = {
        "captions": "files of captions, sent again",
        "known": "videos that are known",
        "older": "written before that time",
        "cold": "videos in an archive of S3: restore them first",
        "other": "of other kinds: folders, and files beside videos",
    }
    for name, what in words.items():
        if count := getattr(found, name):
            out.print(f"  {count:,} {what}")
    if found.new:
        plans.plan(out, plan)


def _confirm(found: Seen, *, as_json: bool) -> None:
    """Ask whether to begin.

    Raises:
        InvalidArgument: ``not_confirmed``: there is nobody to ask.
        typer.Exit, Interrupted: the answer is no.
    """
    if as_json or not sys.stdin.isatty():
        raise InvalidArgument(
            "not_confirmed",
            "Nothing was sent: there is no terminal to ask on. --yes begins without asking.",
        )
    confirm(f"Take in {found.new:,} videos?", "Nothing was sent.")


def _shown(found: Seen, plan: PlanView, *, sent: int) -> dict[str, Any]:
    numbers = {name: one for name, one in asdict(found).items() if name not in {"place", "waits"}}
    return {**numbers, "estimate": plan.estimate.model_dump(), "prices": plan.prices, "sent": sent}
