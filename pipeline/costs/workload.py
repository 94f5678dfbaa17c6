"""What an installation is asked to do."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

# A month as AWS's own calculator has it.
MONTH_HOURS = 730

# Of anything: numbers beyond are slips of the pen, and make others that nobody can read.
_LEAST, _MOST = 1e-3, 1e10


class Workload(BaseModel):
    """Videos that come in, and people who watch and ask.

    Attributes:
        videos_per_day: uploads, on average.
        minutes: length of each.
        peak: how many times the average the busiest hour brings.
        mbps: bit rate of the sources, Mbit/s; no rendition is sent to viewers with more.
        views: how often each video is watched, whole.
        queries_per_day: requests to the API, on average.
        gpu_stages: those that run on GPU hosts; the others run on Lambda.
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
        """The same videos, as many as make up so many hours of video a month."""
        a_day = hours * 60 / self.minutes / (MONTH_HOURS / 24)
        return self.model_copy(update={"videos_per_day": a_day})

    @property
    def arrivals(self) -> float:
        """Uploads a second, on average."""
        return self.videos_per_day / 86400

    @property
    def queries(self) -> float:
        """Requests a second, on average."""
        return self.queries_per_day / 86400

    @property
    def videos_a_month(self) -> float:
        """Uploads in 730 hours."""
        return self.videos_per_day * MONTH_HOURS / 24

    @property
    def video_hours_a_month(self) -> float:
        """Hours of video that these are."""
        return self.videos_a_month * self.minutes / 60

    @property
    def media_seconds(self) -> float:
        """Length of a video."""
        return self.minutes * 60

    @property
    def gib_an_hour(self) -> float:
        """GiB of an hour of source."""
        return self.mbps * 1e6 / 8 * 3600 / 2**30
