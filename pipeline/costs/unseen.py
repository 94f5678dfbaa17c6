"""The estimate of videos of which only number and size are known."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pipeline.aws.catalog.timings import Timing
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.records import Estimate, Video
from pipeline.costs.estimator import Estimator

_BYTES_A_SECOND = 1e6  # 8 Mbit/s, as cameras and phones write; used if nothing has run yet


class Unseen:
    """An estimator of videos that nobody has opened.

    Args:
        estimator: estimates one run.
        timings: recorded run times.

    Attributes:
        prices: the name of the price table.
    """

    def __init__(self, estimator: Estimator, timings: Iterable[Timing]) -> None:
        self._estimator = estimator
        self.prices = estimator.prices.title
        totals = [one.totals for one in timings]
        read, length = sum(one.bytes_in for one in totals), sum(one.media_seconds for one in totals)
        self._bytes_a_second = read / length if read and length else _BYTES_A_SECOND

    def estimate(self, stage: str, *, videos: int, size: int) -> tuple[Estimate, bool]:
        """Estimate the runs of a stage.

        Args:
            stage: the stage.
            videos: their number.
            size: bytes of all of them.

        Returns:
            The estimate, and True if it rests on recorded run times, False if it is a guess.
        """
        if not videos:
            return Estimate(), False
        average = self._average(size // videos)
        one, measured = self._estimator.estimate(stage, {}, "", average)
        whole = Estimate(
            seconds=one.seconds * videos,
            gpu_seconds=one.gpu_seconds * videos,
            bytes_out=one.bytes_out * videos,
            usd=one.usd * videos,
        )
        return whole, measured

    def _average(self, size: int) -> Video:
        upload = Upload(
            event_id="", time=datetime.now(UTC), bucket="", key="", sequencer="", size=size, etag=""
        )
        length = size / self._bytes_a_second
        probe = Probe(container="", duration_s=length, size_bytes=size)
        return Video(video_id="", upload=upload, probe=probe, stages={})
