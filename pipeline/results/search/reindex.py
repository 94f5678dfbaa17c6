"""The index of results that an earlier version made."""

from pipeline.aws.catalog import Catalog
from pipeline.core.records import Video


def reindex(catalog: Catalog, video: Video) -> int:
    """Index the current results of a video that the index lacks; return how many.

    Args:
        catalog: the catalog.
        video: as it was read.
    """
    standing = catalog.standings([video.video_id]).get(video.video_id)
    if standing is None or standing.deleted:
        return 0
    return sum(
        catalog.index(video.video_id, run, result)
        for stage, run in video.stages.items()
        if (result := run.current_result) and standing.indexed.get(stage, {}) is None
    )
