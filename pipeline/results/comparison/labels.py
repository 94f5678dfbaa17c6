"""Labels gained and lost, and changes of the times at which labels are in view."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.core.records import StageResult

Interval = tuple[float, float]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Sighting(_Frozen):
    """A label in a result's summary; intervals in seconds."""

    frames: int
    tracks: int
    intervals: list[Interval]


class LabelChange(_Frozen):
    """A label with other sightings than before."""

    label: str
    frames_before: int
    frames_after: int
    tracks_before: int = Field(
        description="Objects, each tracked from where it appears to where it is lost"
    )
    tracks_after: int
    only_after: list[Interval] = Field(description="In view now, not before; seconds")
    only_before: list[Interval] = Field(description="In view before, not now; seconds")


class LabelsDiff(_Frozen):
    """Labels by which a video is found, compared in lower case."""

    gained: list[str]
    lost: list[str]
    changed: list[LabelChange] = Field(
        description="Every label with other sightings, gained and lost ones included"
    )


_SIGHTINGS = TypeAdapter(dict[str, Sighting])
_NEVER = Sighting(frames=0, tracks=0, intervals=[])


def compare(before: StageResult, after: StageResult) -> LabelsDiff | None:
    """Compare the labels of two results; None where neither has any."""
    old, new = ({label.lower() for label in one.labels} for one in (before, after))
    if not old | new:
        return None
    seen_old, seen_new = _sightings(before), _sightings(after)
    return LabelsDiff(
        gained=sorted(new - old),
        lost=sorted(old - new),
        changed=[
            _change(label, seen_old.get(label, _NEVER), seen_new.get(label, _NEVER))
            for label in sorted(seen_old.keys() | seen_new.keys())
            if seen_old.get(label) != seen_new.get(label)
        ],
    )


def without(intervals: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """Subtract ``others`` from ``intervals``; an interval may be a single moment."""
    left = []
    others = sorted(others)
    for start, end in intervals:
        at = start
        for other_start, other_end in others:
            if other_start > end:
                break
            if other_end < at:
                continue
            if at < other_start:
                left.append((at, other_start))
            at = other_end
            if at >= end:
                break
        if at < end or (at == start and not _covered(start, others)):
            left.append((at, end))
    return left


def _covered(moment: float, intervals: Sequence[Interval]) -> bool:
    return any(start <= moment <= end for start, end in intervals)


def _change(label: str, before: Sighting, after: Sighting) -> LabelChange:
    return LabelChange(
        label=label,
        frames_before=before.frames,
        frames_after=after.frames,
        tracks_before=before.tracks,
        tracks_after=after.tracks,
        only_after=without(after.intervals, before.intervals),
        only_before=without(before.intervals, after.intervals),
    )


def _sightings(result: StageResult) -> Mapping[str, Sighting]:
    """Return sightings by label in lower case; none where the summary has another format."""
    try:
        seen = _SIGHTINGS.validate_python(result.summary.get("labels"))
    except ValidationError:
        return {}
    return {label.lower(): sighting for label, sighting in seen.items()}
