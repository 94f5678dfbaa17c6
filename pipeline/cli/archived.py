"""``videodrop replay --from-archive``: a replay by EventBridge, which selects by time and rule."""

import sys
from datetime import datetime

from pipeline.aws import event_archive as archive
from pipeline.cli.console import confirm, err, local, out, plain, print_json
from pipeline.core.errors import InvalidArgument
from pipeline.core.settings import Settings
from pipeline.replays.request import ReplayRequest

_KNOWN = {"uploaded_after", "uploaded_before", "stages", "dry_run"}


def check(request: ReplayRequest) -> None:
    """Reject options that an archive does not support.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    given = request.model_dump(exclude_defaults=True)
    if "uploaded_after" not in given or given.keys() - _KNOWN:
        raise InvalidArgument(
            "bad_option",
            "An archive selects events only by time: with --from-archive give --since, and "
            "--until and --stage if needed, and nothing else.",
        )


def replay(
    settings: Settings,
    request: ReplayRequest,
    now: datetime,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Start a replay of archived uploads by EventBridge; it continues on its own.

    Raises:
        InvalidArgument: ``bad_option``; ``bad_window``; ``not_confirmed``: there is nobody to ask.
        typer.Exit, Interrupted: the answer is no.
        MissingDependency: ``no_archive``.
    """
    if dry_run or request.uploaded_after is None:
        raise InvalidArgument(
            "bad_option",
            "EventBridge cannot show beforehand what it will send: without --from-archive, "
            "--dry-run shows what the catalog would do.",
        )
    since, until = request.uploaded_after, request.uploaded_before or now
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise InvalidArgument(
                "not_confirmed",
                "Nothing was started: there is no terminal to ask on. --yes starts it.",
            )
        to = f" to {', '.join(request.stages)}" if request.stages else ""
        span = f"{local(since)} to {local(until)}"
        confirm(f"Have all uploads from {span} sent{to} again?", "Nothing was started.")
    started = archive.start(settings, since, until, request.stages)
    if as_json:
        print_json(started)
    else:
        out.print(f"{started.name}  {started.state}")
        err.print(
            f"EventBridge sends the uploads from {started.since} to {started.until} again. "
            f"`{plain(started.follow)}` shows its progress."
        )
