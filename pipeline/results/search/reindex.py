"""The index of results that an earlier version made."""

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.standing import Standings
from pipeline.core.records import Video


def reindex(catalog: Catalog, videos: Standings, video: Video) -> int:
    """Index the current results of a video that the index lacks; return how many.

    Args:
        catalog: the catalog.
        videos: the videos as they are.
        video: as it was read.
    """
    standing = videos.read([video.video_id]).get(video.video_id)
    if standing is None or standing.deleted:
        return 0
    return sum(
        catalog.index(video.video_id, run, result)
        for stage, run in video.stages.items()
        if (result := run.current_result) and stage not in standing.indexed
    )
