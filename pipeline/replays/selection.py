"""The videos of a request, streamed from the index that fits.

Only the batch being read is in memory. Each video comes with a place at which a later walk can
continue, so a million videos can be walked in any number of steps.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from pipeline.aws.catalog import Catalog, listing
from pipeline.aws.catalog.table import iso
from pipeline.core.errors import FailureClass
from pipeline.core.records import StageRun, Video
from pipeline.replays.request import Selection


def walk(
    catalog: Catalog, wanted: Selection, *, after: str | None = None
) -> Iterator[tuple[str, Video | None]]:
    """Yield places, each with its video if that is selected.

    Args:
        catalog: the catalog.
        wanted: the selection.
        after: the last place of an earlier walk, to continue after it.
    """
    if wanted.videos is not None:
        places = _named(wanted.videos, after)
    elif wanted.failure_class is not None:
        places = catalog.runs.failed(wanted.failure_class, before=after)
    else:
        places = _by_time(catalog, wanted, after)
    named = wanted.videos is not None
    passes = listing.Filter(
        status=wanted.status,
        label=wanted.label,
        prefix=wanted.prefix,
    ).passes
    for place, video in listing.read(catalog, places, brief=True):
        chosen = (
            video is not None
            and passes(video)
            and _in_window(video, wanted)
            and (own := _own_place(video, wanted.failure_class)) is not None
            and (named or place == own)
        )
        yield place, video if chosen else None


def selects(wanted: Selection, run: StageRun) -> bool:
    """Return True if a stage of a selected video is selected."""
    if wanted.stages is not None and run.stage not in wanted.stages:
        return False
    if wanted.failure_class is not None:
        return failed_with(run, wanted.failure_class)
    if wanted.failed:
        return run.state == "failed"
    return not wanted.outdated or (run.state == "succeeded" and run.current_result is not None)


def failed_with(run: StageRun, failure_class: FailureClass) -> bool:
    """Return True if a stage's latest run ended with a failure of this class."""
    return run.state == "failed" and bool(run.error and run.error.failure_class == failure_class)


def _named(videos: Sequence[str], after: str | None) -> Iterator[str]:
    once = list(dict.fromkeys(videos))
    start = int(after.partition("#")[0]) + 1 if after else 0
    for number in range(start, len(once)):
        yield f"{number:06d}#{once[number]}"


def _by_time(catalog: Catalog, wanted: Selection, after: str | None) -> Iterator[str]:
    starts = [after] if after else []
    if wanted.uploaded_before:
        starts.append(iso(wanted.uploaded_before))
    places = catalog.timeline.newest(before=min(starts, default=None), label=wanted.label)
    if wanted.uploaded_after is None:
        return places
    oldest = iso(wanted.uploaded_after)
    return takewhile(lambda place: place >= oldest, places)


def _in_window(video: Video, wanted: Selection) -> bool:
    time = video.upload.time
    return (wanted.uploaded_after is None or time >= wanted.uploaded_after) and (
        wanted.uploaded_before is None or time < wanted.uploaded_before
    )


def _own_place(video: Video, failure_class: FailureClass | None) -> str | None:
    """Return the place at which a video counts, so that each video counts once.

    An earlier upload, or another failed stage, can list the video at other places too.
    """
    if failure_class is None:
        return listing.place_of(video)
    ends = [
        run.finished_at
        for run in video.stages.values()
        if failed_with(run, failure_class) and run.finished_at
    ]
    return f"{iso(max(ends))}#{video.video_id}" if ends else None
