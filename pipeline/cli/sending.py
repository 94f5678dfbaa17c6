"""Uploads of several files at a time."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from pipeline import bootstrap
from pipeline.aws.adding import Added
from pipeline.aws.catalog import Catalog
from pipeline.cli import bars
from pipeline.cli.console import err, plain
from pipeline.cli.drop import Chosen
from pipeline.cli.lookup import named
from pipeline.core import sidecar
from pipeline.core.errors import Interrupted, InvalidArgument
from pipeline.core.records import Video
from pipeline.core.settings import Settings

_AT_A_TIME = 4


class _Stopped(Exception):
    """The end of an upload by Ctrl-C."""


def send(
    chosen: Chosen,
    settings: Settings,
    catalog: Catalog,
    *,
    options: Mapping[str, str],
    replace: Video | None = None,
    quiet: bool,
) -> dict[Path, Added]:
    """Upload files, videos before captions; return the videos in the order given.

    Args:
        chosen: the files.
        settings: of the installation.
        catalog: its records.
        options: per-upload options, without their prefix.
        replace: the video that the only file is a new revision of.
        quiet: show nothing.

    Raises:
        InvalidArgument: ``no_video_for_captions``, or see ``Adder.add``.
        DependencyFailed: S3 rejected a file or could not be reached; nothing more is begun.
        Interrupted: ``interrupted``: Ctrl-C.
    """
    owners = {path: _owner(path, chosen.videos, catalog) for path in chosen.captions}
    adder = bootstrap.adder(settings)
    stopping = threading.Event()

    def add(path: Path) -> Added:
        with shown.active(path) as sent:
            return adder.add(path, options=options, replace=replace, sent=_until(stopping, sent))

    with bars.UploadBars(err, [*chosen.videos, *chosen.captions], quiet=quiet) as shown:
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            tasks = {path: pool.submit(add, path) for path in chosen.videos}
            try:
                _, open_ = wait(tasks.values(), return_when=FIRST_EXCEPTION)
                for one in open_:
                    one.cancel()
            except KeyboardInterrupt as error:
                stopping.set()
                pool.shutdown(cancel_futures=True)
                raise _interrupted(list(tasks.values())) from error
        added = {path: task.result() for path, task in tasks.items() if not task.cancelled()}
        for path, owner in owners.items():
            with shown.active(path) as sent:
                if isinstance(owner, Path):
                    adder.add_captions(path, owner.name, added[owner].key, sent)
                else:
                    adder.add_captions(path, owner.upload.name, owner.upload.key, sent)
    if not quiet:
        _tell(added, owners, options)
    return added


def _until(stopping: threading.Event, sent: Callable[[int], None]) -> Callable[[int], None]:
    """Return a report of bytes sent that ends the upload once ``stopping`` is set."""
    ended = threading.Event()

    def report(count: int) -> None:
        # Once: boto3 reports again when it closes the file.
        if stopping.is_set() and not ended.is_set():
            ended.set()
            raise _Stopped
        sent(count)

    return report


def _owner(captions: Path, videos: list[Path], catalog: Catalog) -> Path | Video:
    """Return the video of captions: one beside them that is sent too, or else one in the catalog.

    Raises:
        InvalidArgument: ``no_video_for_captions``.
    """
    for owner in sidecar.owners(str(captions)):
        for video in videos:
            if sidecar.same(owner.path) in map(sidecar.same, sidecar.paths(str(video))):
                return video
    names = [Path(owner.path).name for owner in sidecar.owners(captions.name)]
    found = next((known for name in names if (known := named(name, catalog))), [])
    if len(found) != 1:
        many = f"{len(found)} videos have that name" if found else "no video has that name"
        raise InvalidArgument(
            "no_video_for_captions",
            f"{captions.name} has captions, and {many}. Give both files: the captions are put "
            "beside the video, which is not uploaded again if it is there.",
        )
    return found[0]


def _interrupted(tasks: list[Future[Added]]) -> Interrupted:
    done = sum(task.done() and not (task.cancelled() or task.exception()) for task in tasks)
    return Interrupted(
        "interrupted",
        f"{done} of {len(tasks)} videos were uploaded, and their processing goes on: "
        "`videodrop ls` shows it. The same command uploads the rest.",
    )


def _tell(
    added: Mapping[Path, Added], owners: Mapping[Path, object], options: Mapping[str, str]
) -> None:
    for path, one in added.items():
        if one.there:
            err.print(f"{plain(path.name)} is already there: {one.video_id}")
    if options and any(one.there for one in added.values()):
        err.print("Videos that were there keep their options: `videodrop replay` changes them.")
    for path in owners:
        err.print(f"{plain(path.name)} was uploaded as captions of a video.")
