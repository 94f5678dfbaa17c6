"""The record of one range of a run, while its work is spread."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.core.records import Failure


class RangeRun(BaseModel):
    """The state of one range of a run; the merge is the last range.

    Attributes:
        name: of the range.
        run: attempt number of the run.
        attempt: the fencing token: raised by every claim of the range, never lowered.
        tries: claims that count, this one included.
        lease_until: epoch seconds; the end of the lease while it is ``running``.
        receipt: receipt of the delivery that made the latest claim, where known.
        error: why its latest try failed.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    run: int
    state: Literal["pending", "running", "done"] = "pending"
    attempt: int = 0
    tries: int = 0
    lease_until: float | None = None
    receipt: str | None = None
    error: Failure | None = None

    @property
    def tag(self) -> str:
        """Return the tag of the latest attempt, which no other attempt has."""
        return f"{self.name}-{self.attempt}"
