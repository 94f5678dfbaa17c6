"""What a replay is asked to do."""

from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from pipeline.core.errors import FailureClass
from pipeline.core.records import ListedStatus

MOST_SAMPLED = 1000


VideoId = Annotated[str, Field(pattern=r"^[0-9a-f]{20}$", examples=["5c1e6f0a9b3d27481f60"])]


class Selection(BaseModel):
    """Which stages of which videos; what is not given is not asked about.

    Whatever is selected, a stage whose current result is what would be computed now is skipped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    videos: list[VideoId] | None = Field(
        None, min_length=1, max_length=1000, description="Only these, by id"
    )
    prefix: str | None = Field(
        None, max_length=1024, description="What the key begins with", examples=["videos/2026/"]
    )
    uploaded_after: AwareDatetime | None = Field(None, description="At this moment or later")
    uploaded_before: AwareDatetime | None = Field(None, description="Earlier than this")
    label: str | None = Field(
        None, min_length=1, max_length=100, description="Something seen in it", examples=["dog"]
    )
    status: ListedStatus | None = None
    failure_class: FailureClass | None = Field(
        None, description="Only stages that failed so; also what no retry is expected to help"
    )
    stages: list[str] | None = Field(None, min_length=1, description="Only these stages")
    outdated: bool = Field(
        default=False,
        description="Only results of another model, setting or code than the current ones: what "
        "failed or never ran stays as it is",
    )


class ReplayRequest(Selection):
    """A selection, and what to do with it."""

    params: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Parameters by stage, over those of the installation and of the upload",
        examples=[{"detect": {"confidence": 0.4}}],
    )
    sample: int | None = Field(
        None, ge=1, le=MOST_SAMPLED, description="Only so many of the videos, drawn by lot"
    )
    shadow: bool = Field(
        default=False,
        description="Leave current results alone: compute, compare, and report the difference",
    )
    budget_usd: float | None = Field(
        None,
        ge=0,
        le=1e9,
        description="Do not start if it is estimated to cost more; pause before it does",
    )
    dry_run: bool = Field(default=False, description="Plan, and wait to be told to run")

    @model_validator(mode="after")
    def _some_time_is_selected(self) -> Self:
        after, before = self.uploaded_after, self.uploaded_before
        if after and before and after >= before:
            raise ValueError(
                f"nothing was uploaded from {after:%Y-%m-%dT%H:%M:%S%z} to "
                f"{before:%Y-%m-%dT%H:%M:%S%z}: the first moment has to be the earlier one"
            )
        return self

    @model_validator(mode="after")
    def _params_are_for_chosen_stages(self) -> Self:
        if self.stages is not None and (others := set(self.params) - set(self.stages)):
            raise ValueError(
                f"there are parameters for {', '.join(sorted(others))}, which is not among the "
                "stages: nothing would use them"
            )
        return self
