"""Commands: rm, retry, watch."""

import sys
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.cli import drop, exits, following, selecting
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import confirm, err, out, plain, print_json, print_videos
from pipeline.cli.lookup import connect, find
from pipeline.cli.stay import Stay
from pipeline.core.errors import InvalidArgument, NotFound
from pipeline.core.records import Video

References = Annotated[list[str], typer.Argument(help="Ids or file names of videos")]
_A_DAY = 86400.0
_MOST = 100


def rm(
    references: References,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete videos: files, results of all versions, records and search entries, at once."""
    settings, catalog = connect()
    videos = [find(reference, settings, catalog) for reference in references]
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise InvalidArgument(
                "not_confirmed",
                "Nothing was deleted: there is no terminal to ask on. --yes deletes.",
            )
        for video in videos:
            out.print(f"{video.video_id}  {plain(video.upload.name)}")
        count = "this video" if len(videos) == 1 else f"these {len(videos)} videos"
        confirm(f"Delete {count} with all results?", "Nothing was deleted.")
    deletions = bootstrap.deletions(settings)
    done = [deletions.delete(video.video_id) for video in videos]
    if as_json:
        print_json({"deleted": [one.model_dump(mode="json") for one in done]})
        return
    for one in done:
        until = one.restorable_until
        undo = (
            f"Until {until:%Y-%m-%d} `videodrop restore {one.video_id}` brings its file back."
            if until
            else "It is gone for good: the bucket keeps no deleted files."
        )
        err.print(f"{plain(one.name)} was deleted, with {one.files:,} derived files. {undo}")


def retry(
    references: References,
    *,
    stage: Annotated[
        list[str] | None, typer.Option(help="Only this stage; may be repeated")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait until it ends")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most")] = _A_DAY,
    as_json: AsJson = False,
) -> None:
    """Run again what failed, also where the same input is likely to fail again."""
    settings, catalog = connect()
    videos = selecting.videos(references, settings, catalog)
    request = selecting.request(settings, videos=videos, stages=stage or None, failed=True)
    stay = Stay(bootstrap.replays(settings), timeout_s=timeout, as_json=as_json)
    started = stay.replays.start(request)
    if detach:
        stay.look(started, f"It runs. {following.how_to_look(started.replay_id)}")
        return
    ended = stay.until(following.is_at_rest, started)
    if ended.state == "finished" and not ended.plan.runs:
        stay.look(ended, "Nothing to do: nothing failed.")
    else:
        stay.end(ended)


def watch(
    references: Annotated[
        list[str] | None, typer.Argument(help="Ids or file names; by default all in progress")
    ] = None,
    *,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most")] = _A_DAY,
    as_json: AsJson = False,
) -> None:
    """Show the progress of videos until they have ended."""
    settings, catalog = connect()
    if references:
        ids = selecting.videos(references, settings, catalog)
    else:
        ids = catalog.unfinished(limit=_MOST)
    names = {video.video_id: video.upload.name for video in catalog.videos(ids, brief=True)}
    if not names:
        if references:
            raise NotFound("unknown_video", "There is no such video.")
        err.print("Nothing is in progress.")
    videos: list[Video] = []
    if names:
        videos = drop.wait(catalog, dict.fromkeys(names), timeout_s=timeout, quiet=as_json)
    if videos or as_json:
        print_videos(videos, settings, as_json=as_json)
    drop.check_ended(names, videos, timeout_s=timeout)
    if any(video.status in {"failed", "partial"} for video in videos):
        raise typer.Exit(exits.FAILED)
