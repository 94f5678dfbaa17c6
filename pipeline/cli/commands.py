"""The commands of ``videodrop``; ``pipeline.cli.main`` handles their errors."""

import sys
import webbrowser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

import pipeline
from pipeline import bootstrap
from pipeline.aws.catalog import listing
from pipeline.cli import (
    acting,
    adding,
    backfilling,
    bars,
    conforming,
    console,
    contents,
    costing,
    doctor,
    exits,
    fetching,
    jobs,
    maintenance,
    models,
    replaying,
    searching,
    selecting,
    stages,
    versions,
    webhooks,
)
from pipeline.cli.arguments import AsJson, Reference
from pipeline.cli.console import err, out, plain, print_json, print_videos
from pipeline.cli.lookup import connect, find
from pipeline.core import upload_options as options
from pipeline.core.errors import InvalidArgument
from pipeline.core.records import Video
from pipeline.core.stage import Deadline, Source
from pipeline.core.status import ListedStatus
from pipeline.hosts import stack_file as client
from pipeline.media.probe import probe
from pipeline.results import video_view as views
from pipeline.stages import loading

_EMPTY_PAGES = 25  # of `ls`, after which a rare match is not looked for any further

app = typer.Typer(
    help="Upload a video to a bucket; get renditions, poster, captions, transcript and objects.",
    epilog="Exit codes: 0 ok, 1 failed, 2 usage or an ambiguous name, 3 not found, 4 nothing "
    "running, 5 timed out, 6 something to install, 130 Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer's callback
    if asked:
        sys.stdout.write(f"videodrop {pipeline.__version__}\n")
        raise typer.Exit


@app.callback()
def _options_of_all(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version")
    ] = False,
) -> None:
    pass


@app.command()
def up(
    host: Annotated[
        str, typer.Option(help="Address that the API and the page listen on; 0.0.0.0 for all")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API and the page")] = 8080,
    aws_port: Annotated[
        int, typer.Option(help="Port of the embedded AWS, which listens on loopback only")
    ] = 4599,
) -> None:
    """Start everything on this machine and watch the inbox, until Ctrl-C."""
    from pipeline.hosts.local.stack import Stack  # noqa: PLC0415 - moto and uvicorn are an extra

    settings = bootstrap.settings()
    for sentence in stages.left_out(settings):
        err.print(f"[yellow]{plain(sentence)}[/yellow]")
    fetching.before_start(settings)
    Stack(
        settings,
        host=host,
        port=port,
        aws_port=aws_port,
        tell=lambda said: err.print(plain(said)),
        ready=lambda word: console.welcome(err, word),
    ).run()


@app.command()
def worker(
    only: Annotated[
        list[str] | None, typer.Option("--stage", help="Run only this stage; may be repeated")
    ] = None,
) -> None:
    """Run stages on this machine: poll their queues, run their handlers."""
    from pipeline.hosts.worker import Worker  # noqa: PLC0415 - awslambdaric is an extra

    settings = bootstrap.settings()
    bootstrap.set_up_telemetry("worker")
    Worker(settings, only).run()


@app.command("watch-bucket")
def watch_bucket() -> None:
    """Find uploads in a store that tells of none, until Ctrl-C; `up` does so by itself."""
    from pipeline.hosts import watcher  # noqa: PLC0415 - only this command needs it

    bootstrap.set_up_telemetry("watcher")
    watcher.main(bootstrap.settings())


app.command()(adding.add)
app.command()(backfilling.backfill)
app.command()(adding.restore)
app.command()(acting.rm)
app.command()(acting.retry)
app.command()(acting.watch)
app.command()(jobs.status)


@app.command("ls")
def list_videos(
    *,
    status: Annotated[ListedStatus | None, typer.Option(help="Only videos in this status")] = None,
    label: Annotated[str | None, typer.Option(help="Only videos with this label")] = None,
    until: Annotated[str | None, typer.Option(help="Uploaded before then: 2026-01-31, 7d")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most")] = 20,
    as_json: AsJson = False,
) -> None:
    """List videos, newest first."""
    settings, catalog = connect()
    before = selecting.moment(until, datetime.now(UTC)) if until else None
    wanted = listing.Filter(status=status, label=label, before=before)
    found: list[Video] = []
    cursor, empty = None, 0
    while len(found) < limit and empty < _EMPTY_PAGES:
        some, cursor = listing.page(catalog, wanted, cursor=cursor, limit=limit - len(found))
        found += some
        empty = 0 if some else empty + 1
        if cursor is None:
            break
    print_videos(found, settings, as_json=as_json)
    if cursor and len(found) < limit:
        looked_at = _EMPTY_PAGES * listing.EXAMINED
        # Others may have been uploaded in the same millisecond.
        last = datetime.fromisoformat(listing.decode(cursor).partition("#")[0])
        until = (last + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")
        err.print(f"None of {looked_at:,} further videos matches. For older ones: --until {until}")
    elif not found and not as_json:
        filtered = status or label or until
        err.print("No video matches." if filtered else "No videos yet: videodrop add FILE")


@app.command()
def show(reference: Reference, *, as_json: AsJson = False) -> None:
    """Show one video in full."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    beside = catalog.sidecars.of(video.upload)
    at_work = catalog.at_work(video)
    sign, days = bootstrap.artifacts(settings).url, settings.old_uploads_days
    view = views.detail(video, sign, {}, beside, at_work, kept_days=days)
    if as_json:
        print_json(view)
    else:
        console.video(out, view)


app.command()(searching.search)
app.command()(contents.transcript)
app.command()(contents.objects)
for _command in (versions.versions, versions.diff, versions.promote, versions.rollback):
    app.command()(_command)


@app.command("open")
def open_video(
    reference: Annotated[
        str | None, typer.Argument(help="A video's id or file name; without it the library")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Open the page, or one video's page, in the browser."""
    settings, catalog = connect()
    stack = client.StackFile.running(settings.home)
    if stack is None:
        raise client.NotRunning("no_page", "There is no page: no stack runs on this machine.")
    video = find(reference, settings, catalog) if reference else None
    url = stack.page(f"/videos/{video.video_id}" if video else "")
    if as_json:
        print_json({"url": url})
    else:
        out.print(url)
    webbrowser.open(url)


@app.command()
def run(
    stage: stages.Stage,
    file: Annotated[Path, typer.Argument(help="A local video")],
    *,
    into: Annotated[Path, typer.Option("--out", help="Output directory")],
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, a parameter; may be repeated")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds it may take")] = 24 * 3600,
    as_json: AsJson = False,
) -> None:
    """Run one stage on a local file, without AWS, stack or records."""
    settings = bootstrap.settings()
    module = loading.module(stage, settings)
    given = {name: options.value(text) for name, text in options.pairs(param or []).items()}
    params = options.validate(module.Params, stage, {**settings.params.get(stage, {}), **given})
    if not file.is_file():
        raise InvalidArgument("not_a_file", f"{file} is not a file.")
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgument("bad_option", f"--out {into}: {error.strerror}.") from error
    fetching.before_start(settings, [stage], quiet=as_json)
    source = Source(
        path=file.resolve(), name=file.name, probe=probe(file.resolve(), settings.limits)
    )
    with bars.OneBar(err, stage, quiet=as_json) as bar:
        result = module.run(source, params, into.resolve(), Deadline(timeout, bar.listen))
    if as_json:
        print_json(result)
    else:
        console.result(out, result, into)


app.command()(stages.params)
app.command()(maintenance.redrive)
app.command()(maintenance.prune)
app.command()(costing.cost)
app.command()(replaying.replay)
app.add_typer(replaying.app, name="replays")
app.add_typer(jobs.app, name="queues")
app.add_typer(models.app, name="models")
app.command()(webhooks.events)
app.add_typer(webhooks.app, name="webhooks")


@app.command("doctor")
def examine(
    *,
    conform: Annotated[
        bool,
        typer.Option(
            "--conform",
            help="Check the endpoints of S3, DynamoDB, SQS and EventBridge instead, in temporary "
            "resources: which behaviour holds there, and what follows from what does not",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check what is missing on this machine, and how to get it."""
    if conform:
        conforming.conform(as_json=as_json)
        return
    findings = list(doctor.examine(bootstrap.settings()))
    if as_json:
        print_json({"findings": [finding.model_dump() for finding in findings]})
    else:
        console.findings(out, findings)
    if any(finding.verdict == "missing" for finding in findings):
        raise typer.Exit(exits.NOT_INSTALLED)
