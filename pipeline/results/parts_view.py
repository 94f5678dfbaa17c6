"""The view of the ranges of a run that several workers do."""

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.records import StageRun


class PartsView(BaseModel):
    """The parts of a stage's work, while several workers do them."""

    model_config = ConfigDict(frozen=True)

    total: int
    ended: int = Field(description="How many of them have ended")
    at_work: int | None = Field(
        None, description="How many of them workers do now; only told of a single video"
    )

    @classmethod
    def of(cls, run: StageRun, at_work: int | None = None) -> "PartsView | None":
        """Return the view of a run's ranges; None if it is not spread."""
        if run.spread is None:
            return None
        return cls(total=run.spread.total, ended=len(run.ended), at_work=at_work)

    @property
    def text(self) -> str:
        """Return the view in words."""
        working = f", {self.at_work} at work" if self.at_work else ""
        return f"{self.ended} of {self.total} parts{working}"
