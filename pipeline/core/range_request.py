"""The event "Range Requested", which asks a stage's worker for one range of a run."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict

DETAIL_TYPE = "Range Requested"
SOURCE = "videodrop"


class RangeRequest(BaseModel):
    """A request to do one range of a run whose work is spread.

    Workers send it to the queue that the run's own message came by.

    Attributes:
        event_id: the event that requested the run.
        revision: the upload that the run processes.
        attempt: attempt number of the run.
        fingerprint: of the result to make.
        range: name of the range; None to request all that have not ended again.
        shadow: True if the run's result is only compared.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str
    time: AwareDatetime
    video_id: str
    stage: str
    revision: str
    attempt: int
    fingerprint: str
    range: str | None = None
    shadow: bool = False

    @property
    def body(self) -> str:
        """Return the message that ``events.parse`` reads as this request."""
        return json.dumps(
            {
                "version": "0",
                "id": str(uuid4()),
                "detail-type": DETAIL_TYPE,
                "source": SOURCE,
                "time": self.time.isoformat(),
                "detail": self.model_dump(mode="json", exclude={"time"}, exclude_none=True),
            }
        )

    def of(self, range_: str | None) -> "RangeRequest":
        """Return the request of another range of the same run."""
        return self.model_copy(update={"range": range_, "time": datetime.now(UTC)})
