"""Renditions added, removed and changed."""

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.core.records import StageResult


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Rendition(_Frozen):
    """A rung of the ladder in a result's summary; bandwidths in bits a second."""

    name: str
    width: int
    height: int
    fps: float
    bandwidth: int
    average_bandwidth: int
    codecs: str


class RenditionChange(_Frozen):
    """A rung that changed."""

    name: str
    before: Rendition
    after: Rendition


class RenditionsDiff(_Frozen):
    """Rungs of the ladder, compared by name."""

    added: list[Rendition]
    removed: list[Rendition]
    changed: list[RenditionChange] = Field(description="Another size, rate, codec or bandwidth")


_RENDITIONS = TypeAdapter(list[Rendition])


def compare(before: StageResult, after: StageResult) -> RenditionsDiff | None:
    """Compare the renditions of two results; None where neither has any."""
    old, new = _renditions(before), _renditions(after)
    if not old and not new:
        return None
    return RenditionsDiff(
        added=[one for name, one in new.items() if name not in old],
        removed=[one for name, one in old.items() if name not in new],
        changed=[
            RenditionChange(name=name, before=old[name], after=one)
            for name, one in new.items()
            if name in old and one != old[name]
        ],
    )


def _renditions(result: StageResult) -> dict[str, Rendition]:
    """Return renditions by name; none where the summary has another format."""
    try:
        found = _RENDITIONS.validate_python(result.summary.get("renditions"))
    except ValidationError:
        return {}
    return {one.name: one for one in found}
