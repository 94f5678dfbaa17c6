"""Commands: add, restore."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.cli import drop, exits
from pipeline.cli.arguments import AsJson, Reference
from pipeline.cli.console import err, out, plain, print_json, print_videos
from pipeline.cli.lookup import connect, find
from pipeline.cli.sending import send
from pipeline.core.errors import InvalidArgument, NotFound, NothingEarlier


def add(
    files: Annotated[list[Path], typer.Argument(help="Videos to upload, and captions of them")],
    *,
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="Also the videos in folders")
    ] = False,
    replace: Annotated[
        str | None, typer.Option(help="Id or name of the video that FILE is a new revision of")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until everything is done")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most, for all")] = 3600,
    stages: Annotated[
        str | None, typer.Option(help="Only these stages, separated by commas")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Spoken language, e.g. de")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, e.g. detect-confidence=0.4; may be repeated"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Upload videos, each as a video of its own; the same bytes are not uploaded twice."""
    settings, catalog = connect()
    asked = drop.asked(stages, language, option or [], settings)
    chosen = drop.chosen(files, recursive=recursive)
    old = find(replace, settings, catalog) if replace else None
    if old and (len(chosen.videos) != 1 or chosen.captions):
        raise InvalidArgument("bad_option", "--replace takes one video: give one file.")
    known = {old.video_id: old.upload.sequencer} if old else {}
    sent = send(chosen, settings, catalog, options=asked, replace=old, quiet=as_json)
    names = {one.video_id: path.name for path, one in sent.items()}
    if wait:
        new = {one.video_id for one in sent.values() if not one.there}
        before = {vid: known.get(vid) if vid in new else None for vid in names}
        videos = drop.wait(catalog, before, timeout_s=timeout, quiet=as_json)
        print_videos(videos, settings, as_json=as_json)
        drop.check_ended(names, videos, timeout_s=timeout)
        if any(video.status in {"failed", "partial"} for video in videos):
            raise typer.Exit(exits.FAILED)
    elif as_json:
        print_json(
            {
                "videos": [
                    {"video_id": one.video_id, "name": path.name, "there": one.there}
                    for path, one in sent.items()
                ]
            }
        )
    else:
        for path, one in sent.items():
            out.print(f"{one.video_id}  {plain(path.name)}")


def restore(
    reference: Reference,
    *,
    revision: Annotated[
        str | None, typer.Option(help="Revision to restore; by default, the one before the latest")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an earlier revision of a video the latest, also after it was replaced or deleted."""
    settings, catalog = connect()
    video = find(reference, settings, catalog)
    bucket, key = bootstrap.uploads(settings), video.upload.key
    versions = bucket.versions(key)
    earlier = [one for one in versions if not one.current]
    if revision:
        found = next((one for one in versions if one.revision == revision), None)
        if found is None:
            kept = ", ".join(one.revision for one in versions) or "none"
            raise NotFound(
                "unknown_revision",
                f"{video.upload.name} has no revision {revision}. The bucket keeps: {kept}.",
            )
    elif not earlier:
        raise NothingEarlier("nothing_earlier", f"{video.upload.name} has no earlier revision.")
    else:
        found = earlier[0]
    bucket.restore(key, found)
    if as_json:
        print_json({"video_id": video.video_id, "restored": found.revision})
    else:
        err.print(f"Revision {found.revision} of {plain(video.upload.name)} is the latest again.")
