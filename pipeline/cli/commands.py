"""The command line: ``videodrop``.

Exit codes: 0 all is well; 1 a video or a check failed; 2 wrong usage; 3 no such video or result;
4 no pipeline to talk to; 5 the time to wait was up; 6 something has to be installed first.
"""

import contextlib
import json
import logging
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

from pipeline import bootstrap, client, options, uploads, views
from pipeline.catalog import Catalog, listing
from pipeline.catalog.records import PublishedArtifact, StageResult, Video, VideoStatus
from pipeline.cli import console, doctor
from pipeline.errors import BadInput, MissingDependency, VideodropError
from pipeline.media.probe import probe
from pipeline.objects.detections import Wanted
from pipeline.settings import Settings
from pipeline.stage import Deadline, Source

OK, FAILED, USAGE, NOT_FOUND, NOT_RUNNING, TIMED_OUT, NOT_INSTALLED = range(7)

app = typer.Typer(
    help="Drop a video in a bucket: renditions, poster, captions, transcript and objects come out.",
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 nothing running, 5 timed out, "
    "6 something to install.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output")]
Reference = Annotated[str, typer.Argument(help="A video's id, or the file name it was dropped by")]


def main() -> None:
    """Run the command line; errors become a sentence and an exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        app()
    except client.NotRunning as error:
        _die(error, NOT_RUNNING)
    except MissingDependency as error:
        _die(error, NOT_INSTALLED)
    except BadInput as error:
        _die(error, USAGE if error.code in {"bad_option", "not_a_file"} else FAILED)
    except VideodropError as error:
        _die(error, FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Address that the API and the page listen on")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port of the API and the page")] = 8080,
) -> None:
    """Start everything on this machine and watch the inbox, until Ctrl-C."""
    from pipeline.local.stack import Stack  # noqa: PLC0415 - moto and uvicorn are an extra

    Stack(
        bootstrap.settings(),
        host=host,
        port=port,
        tell=lambda said: err.print(escape(said)),
        ready=lambda word: console.welcome(err, word),
    ).run()


@app.command()
def worker(
    only: Annotated[
        list[str] | None, typer.Option("--stage", help="Host only this stage; may be repeated")
    ] = None,
) -> None:
    """Host the stages on this machine: poll their queues, run their handlers."""
    from pipeline.worker import Worker  # noqa: PLC0415 - awslambdaric is an extra

    Worker(bootstrap.settings(), functions=only).run()


@app.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="Videos to drop")],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until everything is done")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most, for all")] = 3600,
    stages: Annotated[str | None, typer.Option(help="Only these stages, with commas")] = None,
    language: Annotated[str | None, typer.Option(help="Spoken language, e.g. de")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, e.g. detect-confidence=0.4; may be repeated"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Drop videos into the uploads bucket."""
    settings, catalog = _connect()
    bucket = bootstrap.uploads(settings)
    asked = _options(stages, language, option)
    options.parse(
        {options.PREFIX + name: value for name, value in asked.items()},
        list(settings.topology.stages),
    )
    before: dict[str, str | None] = {}
    with console.UploadBars(err, quiet=as_json) as bars:
        for path in files:
            known = catalog.video(bucket.video_id(path.name))
            vid = bucket.put(path, options=asked, sent=bars.start(path))
            before[vid] = known.upload.sequencer if known else None
    videos: list[Video] = []
    late = False
    if wait:
        with console.StageBars(err, quiet=as_json) as stage_bars:
            for vid, after in before.items():
                last = None
                for last in uploads.follow(catalog, vid, after=after, timeout_s=timeout):
                    stage_bars.show(last)
                late = late or last is None or last.status == "processing"
                videos += [last] if last else []
        _print_videos(videos, settings, as_json=as_json)
    elif as_json:
        _print_json({"videos": [{"video_id": vid} for vid in before]})
    else:
        for vid, path in zip(before, files, strict=False):
            out.print(f"{vid}  {escape(path.name)}")
    if late:
        raise typer.Exit(TIMED_OUT)
    if any(video.status in {"failed", "partial"} for video in videos):
        raise typer.Exit(FAILED)


@app.command("ls")
def list_videos(
    *,
    status: Annotated[VideoStatus | None, typer.Option(help="Only videos in this status")] = None,
    label: Annotated[str | None, typer.Option(help="Only videos that show this")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most")] = 20,
    as_json: AsJson = False,
) -> None:
    """List videos, newest first."""
    settings, catalog = _connect()
    wanted = listing.Filter(status=status, label=label)
    found: list[Video] = []
    cursor = None
    while len(found) < limit:
        some, cursor = listing.page(catalog, wanted, cursor=cursor, limit=limit - len(found))
        found += some
        if cursor is None:
            break
    _print_videos(found, settings, as_json=as_json)


@app.command()
def show(reference: Reference, *, as_json: AsJson = False) -> None:
    """Everything known of one video."""
    settings, catalog = _connect()
    video = _find(reference, settings, catalog)
    view = views.detail(video, bootstrap.artifacts(settings).url, links={})
    if as_json:
        _print_json(view)
    else:
        console.video(out, view)


@app.command()
def transcript(
    reference: Reference,
    *,
    format_: Annotated[str, typer.Option("--format", help="txt, vtt, srt or json")] = "txt",
    as_json: AsJson = False,
) -> None:
    """What is said in a video."""
    settings, catalog = _connect()
    video = _find(reference, settings, catalog)
    roles = {
        "txt": "transcript_txt",
        "vtt": "captions_vtt",
        "srt": "captions_srt",
        "json": "transcript_json",
    }
    chosen = "json" if as_json else format_
    if chosen not in roles:
        raise BadInput("bad_option", f"--format is {chosen!r}; give one of {', '.join(roles)}.")
    result, artifact = _artifact(video, roles[chosen])
    sys.stdout.buffer.write(bootstrap.artifacts(settings).read(result.prefix + artifact.name))


@app.command()
def objects(
    reference: Reference,
    *,
    label: Annotated[str | None, typer.Option(help="Only this label, frame by frame")] = None,
    min_confidence: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    as_json: AsJson = False,
) -> None:
    """What is seen in a video, and when."""
    settings, catalog = _connect()
    video = _find(reference, settings, catalog)
    result, artifact = _artifact(video, "detections_json")
    summary: Any = result.summary["labels"]
    if not (as_json or label or min_confidence):
        console.labels(out, summary)
        return
    chunks = bootstrap.artifacts(settings).stream(result.prefix + artifact.name)
    wanted = Wanted(label=label, min_confidence=min_confidence)
    frames = [frame for _, frame in wanted.frames(chunks)]
    if as_json:
        shown = [frame.model_dump() for frame in frames]
        _print_json({"models": result.identity, "labels": summary, "frames": shown})
    else:
        console.frames(out, frames)


@app.command("open")
def open_video(reference: Annotated[str | None, typer.Argument()] = None) -> None:
    """Open the page, or one video's page, in the browser."""
    settings, catalog = _connect()
    stack = client.StackFile.read(settings.home)
    if stack is None:
        raise client.NotRunning("no_page", "There is no page: no stack runs on this machine.")
    url = stack.api_url
    if reference:
        url += f"/#/videos/{_find(reference, settings, catalog).video_id}"
    out.print(url)
    webbrowser.open(url)


@app.command()
def run(
    stage: Annotated[str, typer.Argument(help="A stage, e.g. transcribe")],
    file: Annotated[Path, typer.Argument(help="A local video")],
    *,
    into: Annotated[Path, typer.Option("--out", help="Directory for what it writes")],
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, a parameter; may be repeated")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds it may take")] = 24 * 3600,
    as_json: AsJson = False,
) -> None:
    """Run one stage on a local file: no AWS, no stack, no record."""
    settings = bootstrap.settings()
    module = bootstrap.module(stage, settings)
    given = {name: options.value(text) for name, text in options.pairs(param or []).items()}
    params = options.validate(module.Params, stage, {**settings.params.get(stage, {}), **given})
    if not file.is_file():
        raise BadInput("not_a_file", f"{file} is not a file.")
    into.mkdir(parents=True, exist_ok=True)
    source = Source(
        path=file.resolve(), name=file.name, probe=probe(file.resolve(), settings.limits)
    )
    with console.OneBar(err, stage, quiet=as_json) as bar:
        result = module.run(source, params, into.resolve(), Deadline(timeout, bar.listen))
    if as_json:
        _print_json(result)
    else:
        console.result(out, result, into)


@app.command("doctor")
def examine(*, as_json: AsJson = False) -> None:
    """Say what is missing on this machine, and how to get it."""
    findings = list(doctor.examine(bootstrap.settings()))
    if as_json:
        _print_json({"findings": [finding.model_dump() for finding in findings]})
    else:
        console.findings(out, findings)
    if any(finding.verdict == "missing" for finding in findings):
        raise typer.Exit(NOT_INSTALLED)


def _connect() -> tuple[Settings, Catalog]:
    settings = bootstrap.settings()
    stack = client.connect(settings.home)
    if stack:
        bootstrap.settings.cache_clear()
        settings = bootstrap.settings()
    return settings, bootstrap.catalog(settings)


def _find(reference: str, settings: Settings, catalog: Catalog) -> Video:
    video = catalog.video(bootstrap.uploads(settings).video_id(reference))
    if video is None:
        err.print(f"There is no video {escape(reference)}. `videodrop ls` lists them.")
        raise typer.Exit(NOT_FOUND)
    return video


def _artifact(video: Video, role: str) -> tuple[StageResult, PublishedArtifact]:
    """The artifact of a role, whichever stage made it."""
    for found in views.artifacts(video, role=role):
        return found
    err.print(f"{escape(video.upload.name)} has no {role} (yet): it is {video.status}.")
    raise typer.Exit(NOT_FOUND)


def _options(stages: str | None, language: str | None, more: list[str] | None) -> dict[str, str]:
    asked = {"stages": stages, "language": language}
    chosen = {name: value for name, value in asked.items() if value is not None}
    for name, value in options.pairs(more or []).items():
        chosen[name.removeprefix(options.PREFIX)] = value
    return chosen


def _print_videos(videos: list[Video], settings: Settings, *, as_json: bool) -> None:
    sign = bootstrap.artifacts(settings).url
    items = [views.item(video, sign) for video in videos]
    if as_json:
        _print_json({"videos": [item.model_dump(mode="json") for item in items]})
    else:
        console.videos(out, items)


def _print_json(value: Any) -> None:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _die(error: VideodropError, exit_code: int) -> NoReturn:
    err.print(f"[red]{escape(error.message)}[/red] [dim]{error.code}[/dim]")
    sys.exit(exit_code)
