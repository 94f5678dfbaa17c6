"""The request of a replay: which stages of which videos, and with which parameters."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from pipeline.core.errors import FailureClass
from pipeline.core.status import ListedStatus
from pipeline.core.validation import Moment

MOST_SAMPLED = 1000
MOST_USD = 1e9

VideoId = Annotated[str, Field(pattern=r"^[0-9a-f]{20}$", examples=["5c1e6f0a9b3d27481f60"])]


class Selection(BaseModel):
    """A selection of stages and videos; a field that is not given selects everything.

    A selected stage is skipped if its current result is already up to date.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    videos: list[VideoId] | None = Field(
        None, min_length=1, max_length=1000, description="Only these, by id"
    )
    prefix: str | None = Field(
        None,
        max_length=1024,
        description="Beginning of the key or of the file name",
        examples=["videos/2026/"],
    )
    uploaded_after: Moment | None = Field(None, description="Uploaded then or later")
    uploaded_before: Moment | None = Field(None, description="Uploaded before then")
    label: str | None = Field(
        None, min_length=1, max_length=100, description="A label of the video", examples=["dog"]
    )
    status: ListedStatus | None = None
    failure_class: FailureClass | None = Field(
        None,
        description="Only stages that failed with this class, even if a retry is unlikely to help",
    )
    stages: list[str] | None = Field(None, min_length=1, description="Only these stages")
    failed: StrictBool = Field(
        default=False,
        description="Only stages that failed, whatever the class, even if a retry is unlikely to "
        "help",
    )
    outdated: StrictBool = Field(
        default=False,
        description="Only results of another model, setting or code than the current ones; stages "
        "that failed or never ran stay as they are",
    )


class ReplayRequest(Selection):
    """A selection, and how to reprocess it."""

    params: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Parameters by stage, over those of the installation and of the upload",
        examples=[{"detect": {"confidence": 0.4}}],
    )
    reset: StrictBool = Field(
        default=False,
        description="Drop the parameters that earlier replays have set; otherwise they stay",
    )
    sample: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=MOST_SAMPLED,
        description="Only a random sample of so many videos",
    )
    shadow: StrictBool = Field(
        default=False,
        description="Keep current results: compute, compare, and report the difference",
    )
    budget_usd: float | None = Field(
        None,
        strict=True,
        ge=0,
        le=MOST_USD,
        description="USD: do not start, or pause, before the estimated cost exceeds it. By "
        "default, and at most, the installation's `VIDEODROP_MAX_REPLAY_USD`",
    )
    dry_run: StrictBool = Field(default=False, description="Plan only, until it is resumed")

    @model_validator(mode="after")
    def _some_time_is_selected(self) -> Self:
        after, before = self.uploaded_after, self.uploaded_before
        if after and before and after >= before:
            raise ValueError(
                f"nothing was uploaded from {after:%Y-%m-%dT%H:%M:%S%z} to "
                f"{before:%Y-%m-%dT%H:%M:%S%z}: the first time must be the earlier one"
            )
        return self

    @model_validator(mode="after")
    def _params_are_for_chosen_stages(self) -> Self:
        check_chosen(self.params, self.stages)
        return self


def check_chosen(params: Mapping[str, object], stages: list[str] | None) -> None:
    """Check that parameters are for selected stages; raise ``ValueError`` otherwise."""
    if stages is not None and (others := set(params) - set(stages)):
        raise ValueError(
            f"params are for {', '.join(sorted(others))}, which is not among the selected stages"
        )
