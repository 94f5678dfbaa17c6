"""Counts of the videos that match, by what they have."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

_MOST = 20


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Count(_View):
    """The number of videos with a value."""

    value: str
    videos: int


class Facets(_View):
    """Counts over the videos that match, among those that this request examined."""

    labels: list[Count]
    languages: list[Count]
    videos: int
    moments: int
    complete: bool = Field(description="False if there are more than this request examined")


def count(matched: Sequence[tuple[Sequence[str], str | None, int]], *, complete: bool) -> Facets:
    """Count videos.

    Args:
        matched: labels, language and number of moments of each.
        complete: whether these are all that match.
    """
    return Facets(
        labels=_counts(label for labels, _, _ in matched for label in labels),
        languages=_counts(language for _, language, _ in matched if language),
        videos=len(matched),
        moments=sum(moments for _, _, moments in matched),
        complete=complete,
    )


def _counts(values: Iterable[str]) -> list[Count]:
    ordered = sorted(Counter(values).items(), key=lambda one: (-one[1], one[0]))
    return [Count(value=value, videos=videos) for value, videos in ordered[:_MOST]]
