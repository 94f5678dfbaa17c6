"""Checks of ``videodrop add`` before it uploads, and its waiting afterwards."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.aws.catalog import Catalog
from pipeline.aws.following import follow
from pipeline.cli import bars, console
from pipeline.core import intake, option_check, upload_key
from pipeline.core import upload_options as options
from pipeline.core.errors import Interrupted, InvalidArgument, TimedOut
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
    option_check.check(chosen, settings)
    return chosen


class Chosen(NamedTuple):
    """Files to upload, each once."""

    videos: list[Path]
    captions: list[Path]


def chosen(given: list[Path], *, recursive: bool = False) -> Chosen:
    """Return the files to upload; check all of them before any is uploaded.

    Args:
        given: files and, if ``recursive``, folders. Other files in those are left out.
        recursive: look into folders.

    Raises:
        InvalidArgument: ``not_a_file``; ``not_a_video``: its name is that of an incomplete or
            hidden file; ``bad_name``; ``nothing_found``.
    """
    found, seen = Chosen([], []), set[tuple[int, int]]()
    for path in given:
        if path.is_dir() and not recursive:
            raise InvalidArgument(
                "not_a_file", f"{path} is a folder. `videodrop add -r {path}` adds what is in it."
            )
        if not (path.is_dir() or path.is_file()):
            raise InvalidArgument("not_a_file", f"There is no file {path}.")
        if path.is_file() and _kind(path) == "other":
            raise InvalidArgument(
                "not_a_video",
                f"{path.name} would be ignored: by its name it is hidden, incomplete or about "
                "another file. Rename it if it is a video.",
            )
        for one in _walk(path) if path.is_dir() else [path]:
            upload_key.checked(one.name)
            status = one.stat()
            if (place := (status.st_dev, status.st_ino)) not in seen:
                seen.add(place)
                (found.captions if _kind(one) == "captions" else found.videos).append(one)
    if not (found.videos or found.captions):
        raise InvalidArgument("nothing_found", "These folders have no videos.")
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the media and captions below a folder, in the order of their paths."""
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).as_posix()
        if path.is_file() and intake.kind(inner, path.stat().st_size) != "other":
            yield path


def _kind(path: Path) -> intake.Kind:
    """Return the kind that the stages take a file for."""
    return intake.kind(path.name, path.stat().st_size)


def wait(
    catalog: Catalog, before: Mapping[str, str | None], *, timeout_s: float, quiet: bool
) -> list[Video]:
    """Follow videos until all have ended, or for ``timeout_s`` seconds.

    Raises:
        Interrupted: ``interrupted``: Ctrl-C.
    """
    videos: list[Video] = []
    try:
        with bars.StageBars(console.err, len(before), quiet=quiet) as shown:
            for videos in follow(catalog, before, timeout_s=timeout_s):
                shown.show(videos)
    except KeyboardInterrupt as error:
        raise Interrupted(
            "interrupted",
            "The processing goes on. `videodrop ls` shows all videos, `videodrop show NAME` one.",
        ) from error
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
