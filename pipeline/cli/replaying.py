"""The commands ``replay`` and ``replays``: reprocess videos, and follow the progress.

They only read and write the replay's record, as the API does. A worker plans it, by its own
settings, and runs it.
"""

import sys
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.cli import archived, following, plans, selecting
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import confirm, err, out, print_json
from pipeline.cli.lookup import connect, is_embedded
from pipeline.cli.stay import Stay
from pipeline.core.errors import Conflict, FailureClass, InvalidArgument
from pipeline.core.status import ListedStatus
from pipeline.replays import views
from pipeline.replays.budget import excess
from pipeline.replays.records import Desired, Replay
from pipeline.replays.request import MOST_SAMPLED
from pipeline.replays.store import Replays

_A_DAY = 24 * 3600.0

app = typer.Typer(help="List replays, show one, pause, resume or cancel it.")
Which = Annotated[str, typer.Argument(metavar="ID", help="A replay's id, its beginning, or 'last'")]


def replay(
    videos: Annotated[
        list[str] | None, typer.Argument(metavar="VIDEO", help="Only these: ids or file names")
    ] = None,
    *,
    prefix: Annotated[
        str | None, typer.Option(help="Only keys or file names that begin so")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Uploaded then or later: 2026-01-31, 12h, 7d")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Uploaded before then")] = None,
    label: Annotated[str | None, typer.Option(help="Only videos with this label")] = None,
    status: Annotated[ListedStatus | None, typer.Option(help="Only videos in this status")] = None,
    failure_class: Annotated[
        FailureClass | None, typer.Option(help="Only stages that failed with this class")
    ] = None,
    stage: Annotated[
        list[str] | None, typer.Option(help="Only this stage; may be repeated")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only stages that failed, for whatever reason")
    ] = False,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Only results of another model, setting or code")
    ] = False,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, e.g. detect-confidence=0.4; may be repeated"),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Drop what --set of earlier replays has set")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, max=MOST_SAMPLED, help="Only a random sample of this size")
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Compare only: current results stay")
    ] = False,
    budget: Annotated[
        float | None, typer.Option(min=0, help="USD: do not start, or pause, beyond it")
    ] = None,
    from_archive: Annotated[
        bool,
        typer.Option("--from-archive", help="By EventBridge; takes --since, --until, --stage"),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to run it")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait until it ends")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most")] = _A_DAY,
    as_json: AsJson = False,
) -> None:
    """Reprocess videos: show the plan and its estimate, then run it."""
    settings, catalog = connect()
    now = datetime.now(UTC)
    request = selecting.request(
        settings,
        videos=selecting.videos(videos, settings, catalog) if videos else None,
        prefix=prefix,
        uploaded_after=selecting.moment(since, now) if since else None,
        uploaded_before=selecting.moment(until, now) if until else None,
        label=label,
        status=status,
        failure_class=failure_class,
        stages=stage or None,
        failed=failed,
        outdated=outdated,
        params=selecting.params(given or [], settings),
        reset=reset,
        sample=sample,
        shadow=shadow,
        budget_usd=budget,
        dry_run=True,  # until its owner has confirmed the plan
    )
    if from_archive:
        archived.check(request)
        if not is_embedded(settings):
            archived.replay(settings, request, now, dry_run=dry_run, yes=yes, as_json=as_json)
            return
        err.print("The embedded AWS has no archive: the catalog serves the same request.")
    stay = Stay(bootstrap.replays(settings), timeout_s=timeout, as_json=as_json)
    planned = stay.until(following.is_planned, stay.replays.start(request))
    if not (as_json or planned.state == "failed"):
        plans.plan(out, views.detail(planned, {}).plan)
    if planned.state != "planned":
        stay.end(planned)
    elif not planned.plan.runs:
        stay.nothing_to_do(planned, dry_run=dry_run)
    elif dry_run:
        stay.look(planned, f"Nothing was started. {_unaffordable(planned) or _how_to_run(planned)}")
    else:
        _confirm(stay, planned, yes=yes)
        asked = stay.replays.ask(planned.replay_id, "run")
        if detach:
            stay.look(asked, f"It runs. {following.how_to_look(asked.replay_id)}")
        else:
            stay.end(stay.until(following.is_at_rest, asked))


@app.callback(invoke_without_command=True)
def list_replays(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at most")] = 20,
    as_json: AsJson = False,
) -> None:
    """List replays, show one, pause, resume or cancel it."""
    if context.invoked_subcommand is not None:
        return
    found = islice(_replays().newest(at_once=min(limit, 100)), limit)
    items = [views.detail(one, {}) for one in found]
    if as_json:
        print_json({"replays": [item.model_dump(mode="json") for item in items]})
    elif items:
        plans.replays(out, items)
    else:
        err.print("No replays yet: videodrop replay --help")


@app.command()
def show(
    which: Which,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it ends")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most")] = _A_DAY,
    as_json: AsJson = False,
) -> None:
    """Show one replay in full: its plan and its progress."""
    stay = Stay(_replays(), timeout_s=timeout, as_json=as_json)
    found = following.find(which, stay.replays)
    if follow:
        found = stay.until(following.is_at_rest, found)
    view = views.detail(found, {})
    if as_json:
        print_json(view)
    else:
        plans.replay(out, view)
    if follow:
        stay.judge(found)


@app.command()
def pause(which: Which, *, as_json: AsJson = False) -> None:
    """Request no more runs; those requested already still finish."""
    _ask(which, "pause", as_json=as_json)


@app.command()
def resume(
    which: Which,
    *,
    budget: Annotated[float | None, typer.Option(min=0, help="USD: a new budget")] = None,
    as_json: AsJson = False,
) -> None:
    """Resume a paused replay, or run a plan."""
    _ask(which, "run", budget_usd=budget, as_json=as_json)


@app.command()
def cancel(which: Which, *, as_json: AsJson = False) -> None:
    """End a replay; runs in progress still finish."""
    _ask(which, "cancel", as_json=as_json)


def _replays() -> Replays:
    settings, _ = connect()
    return bootstrap.replays(settings)


def _ask(which: str, desired: Desired, *, as_json: bool, budget_usd: float | None = None) -> None:
    replays = _replays()
    found = following.find(which, replays)
    asked = replays.ask(found.replay_id, desired, budget_usd=budget_usd)
    if as_json:
        print_json(views.detail(asked, {}))
    else:
        said = {"run": "It will run.", "pause": "It will pause.", "cancel": "It will end."}
        err.print(f"{said[desired]} {following.how_to_look(asked.replay_id)}")


def _confirm(stay: Stay, planned: Replay, *, yes: bool) -> None:
    """Ask the owner, who has seen the plan, to confirm it.

    Raises:
        Conflict: ``over_budget``.
        InvalidArgument: ``not_confirmed``: there is nobody to ask.
        typer.Exit, Interrupted: the answer is no.
    """
    unaffordable = _unaffordable(planned)
    if yes and not unaffordable:
        return
    if stay.as_json:
        print_json(views.detail(planned, {}))
    if unaffordable:
        raise Conflict("over_budget", f"Nothing was started. {unaffordable}")
    if stay.as_json or not sys.stdin.isatty():
        raise InvalidArgument(
            "not_confirmed",
            "Nothing was started: there is no terminal to ask on. Give --yes to run without "
            f"asking. {_how_to_run(planned)}",
        )
    confirm(f"Start {planned.plan.runs:,} runs?", f"Nothing was started. {_how_to_run(planned)}")


def _how_to_run(planned: Replay, more: str = "") -> str:
    return f"`videodrop replays resume {planned.replay_id}{more}` runs this plan."


def _unaffordable(planned: Replay) -> str | None:
    """Return a message on cost and remedy if a plan exceeds its budget, else None."""
    usd = planned.plan.estimate.usd
    if not excess(planned.request, usd):
        return None
    return (
        f"It is estimated to cost {usd:.4f} USD, and the budget is "
        f"{planned.request.budget_usd:.4f}. "
        f"{_how_to_run(planned, ' --budget USD')}"
    )
