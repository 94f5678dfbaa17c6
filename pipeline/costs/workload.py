"""The workload of an installation."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

# The length of a month in AWS's own calculator.
MONTH_HOURS = 730

# Numbers beyond are typing errors, and would give unreadable results.
_LEAST, _MOST = 1e-3, 1e10


class Workload(BaseModel):
    """Videos uploaded, and requests by viewers.

    Attributes:
        videos_per_day: uploads, on average.
        minutes: length of each.
        peak: load of the busiest hour, as a multiple of the average.
        mbps: bit rate of the sources, Mbit/s; no rendition is sent to viewers with more.
        views: complete views of each video.
        queries_per_day: requests to the API, on average.
        gpu_stages: stages on GPU hosts; the others run on Lambda.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    videos_per_day: float = Field(100, ge=_LEAST, le=_MOST)
    minutes: float = Field(10, ge=_LEAST, le=_MOST)
    peak: float = Field(4, ge=1, le=_MOST)
    mbps: float = Field(5, ge=_LEAST, le=_MOST)
    views: float = Field(1, ge=0, le=_MOST)
    queries_per_day: float = Field(1000, ge=0, le=_MOST)
    gpu_stages: frozenset[str] = frozenset()

    def with_hours(self, hours: float) -> Self:
        """Return the workload with as many videos as make up these hours of video a month."""
        a_day = hours * 60 / self.minutes / (MONTH_HOURS / 24)
        return self.model_copy(update={"videos_per_day": a_day})

    @property
    def arrivals(self) -> float:
        """Return uploads a second, on average."""
        return self.videos_per_day / 86400

    @property
    def queries(self) -> float:
        """Return requests a second, on average."""
        return self.queries_per_day / 86400

    @property
    def videos_a_month(self) -> float:
        """Return uploads in 730 hours."""
        return self.videos_per_day * MONTH_HOURS / 24

    @property
    def video_hours_a_month(self) -> float:
        """Return hours of video in 730 hours."""
        return self.videos_a_month * self.minutes / 60

    @property
    def media_seconds(self) -> float:
        """Return the length of a video."""
        return self.minutes * 60

    @property
    def gib_an_hour(self) -> float:
        """Return GiB of an hour of source."""
        return self.mbps * 1e6 / 8 * 3600 / 2**30
