"""Checks of ``videodrop add`` before it uploads, and its waiting afterwards."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog
from pipeline.aws.uploads import Uploads, follow
from pipeline.cli import bars, console
from pipeline.core import intake
from pipeline.core import upload_options as options
from pipeline.core.errors import InvalidArgument, TimedOut
from pipeline.core.records import Video
from pipeline.core.settings import Settings


def asked(
    stages: str | None, language: str | None, more: list[str], settings: Settings
) -> dict[str, str]:
    """Return the options given, checked as the stages check them.

    Raises:
        InvalidArgument: ``bad_option``.
    """
    short = {"stages": stages, "language": language}
    chosen = {name: value for name, value in short.items() if value is not None}
    for name, value in options.pairs(more).items():
        chosen[name.removeprefix(options.PREFIX)] = value
    metadata = {options.PREFIX + name: value for name, value in chosen.items()}
    parsed = options.parse(metadata, list(settings.topology.stages))
    for stage, given in parsed.params.items():
        # Options of a stage whose code is not here are checked by its own host.
        with contextlib.suppress(ModuleNotFoundError):
            model = bootstrap.module(stage, settings).Params
            options.validate(model, stage, {**settings.params.get(stage, {}), **given})
    return chosen


def kind(path: Path) -> intake.Kind:
    """Return what the stages take a file for: media, captions of a video, or neither."""
    return intake.kind(path.name, path.stat().st_size)


def distinct(files: list[Path], bucket: Uploads) -> list[Path]:
    """Return the files once each; check all of them before any is uploaded.

    Raises:
        InvalidArgument: ``not_a_file``; ``not_a_video``: its name is that of an incomplete or
            hidden file; ``same_name``: one upload would replace the other.
    """
    chosen: dict[str, Path] = {}
    for path in files:
        if path.is_dir():
            raise InvalidArgument(
                "not_a_file", f"{path} is a folder. Give the files in it: {path}/*.mp4"
            )
        if not path.is_file():
            raise InvalidArgument("not_a_file", f"There is no file {path}.")
        if kind(path) == "other":
            raise InvalidArgument(
                "not_a_video",
                f"{path.name} would be ignored: by its name it is hidden, incomplete or about "
                "another file. Rename it if it is a video.",
            )
        other = chosen.setdefault(bucket.key(path.name), path)
        if not other.samefile(path):
            raise InvalidArgument(
                "same_name",
                f"{other} and {path} have the same name: the later upload would replace the "
                "earlier. Rename one of them.",
            )
    return list(chosen.values())


def wait(
    catalog: Catalog, before: Mapping[str, str | None], *, timeout_s: float, quiet: bool
) -> list[Video]:
    """Follow videos until all have ended, or for ``timeout_s`` seconds."""
    videos: list[Video] = []
    with bars.StageBars(console.err, quiet=quiet) as shown:
        for videos in follow(catalog, before, timeout_s=timeout_s):
            shown.show(videos)
    return videos


def check_ended(names: Mapping[str, str], videos: list[Video], *, timeout_s: float) -> None:
    """Check that every video is among ``videos`` and has ended.

    Args:
        names: names of the uploads, by id.
        videos: their latest states.
        timeout_s: seconds waited.

    Raises:
        TimedOut: ``still_processing``.
    """
    ended = {video.video_id for video in videos if video.status != "processing"}
    if late := [name for video_id, name in names.items() if video_id not in ended]:
        raise TimedOut(
            "still_processing",
            f"After {timeout_s:g} s this is not done yet: {', '.join(late)}. It continues; "
            "`videodrop show NAME` shows its progress.",
        )
