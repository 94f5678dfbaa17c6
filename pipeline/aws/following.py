"""Waiting for the results of uploads."""

import time
from collections.abc import Iterator, Mapping

from pipeline.aws.catalog import Catalog
from pipeline.core.records import Video


def follow(
    catalog: Catalog,
    before: Mapping[str, str | None],
    *,
    timeout_s: float,
    every_s: float = 0.5,
) -> Iterator[list[Video]]:
    """Poll videos until no work is left or the timeout expires.

    All are read together, so many cost hardly more than one.

    Args:
        catalog: the catalog.
        before: by id of each video, the sequencer of the upload before the expected one.
        timeout_s: seconds until it gives up; then some of the videos yielded last are still
            "processing", or missing because no event of their upload has arrived.
        every_s: seconds between polls.

    Yields:
        Videos whose upload is recorded, in the order of ``before``.
    """
    end = time.monotonic() + timeout_s
    while True:
        videos = [
            video
            for video in catalog.videos(list(before))
            if video.upload.sequencer != before[video.video_id]
        ]
        yield videos
        done = sum(video.status != "processing" for video in videos)
        left_s = end - time.monotonic()
        if done == len(before) or left_s <= 0:
            return
        time.sleep(min(every_s, left_s))
