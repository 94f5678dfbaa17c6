"""A job: the run that one event requests, and its plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.aws.catalog import Known
from pipeline.core.events import Upload
from pipeline.core.planner import Intent
from pipeline.core.status import TERMINAL
from pipeline.runs.delivery import Delivery
from pipeline.runs.first_read import FirstRead


@dataclass(frozen=True)
class Plan:
    """The plan of a job: the source's user metadata, and the intent."""

    metadata: Mapping[str, str]
    intent: Intent


@dataclass(frozen=True)
class Job:
    """The run that one event requests.

    Attributes:
        upload: the source.
        event_id: of the event.
        extra: parameters of the event, and of earlier replays.
        shadow: True if the result is only compared; the current one stays.
        delivery: of the event's message.
        known: the video and the stage's run, as they were read for this delivery.
        first: the first read of the source.
    """

    upload: Upload
    event_id: str
    extra: Mapping[str, Any]
    shadow: bool
    delivery: Delivery
    known: Known
    first: FirstRead

    def metadata(self) -> Mapping[str, str]:
        """Return the source's user metadata, which another stage may have recorded.

        A stage that may reuse a result needs to know that the source still exists; any other
        fetches it.

        Raises:
            Exception: see ``SourceFiles.head``.
        """
        likely_new = self.known.untried and not self.known.marked
        recorded = self.known.video.metadata
        if likely_new and recorded is not None:
            return recorded
        return self.first.metadata(content=likely_new)

    def is_done(self, plan: Plan | Exception) -> bool:
        """Return True if this event was handled before, or its result is current already.

        Args:
            plan: of this job, or the error of planning.
        """
        run = self.known.run
        if run is None or run.revision != self.upload.revision or run.state not in TERMINAL:
            return False
        if run.event_id == self.event_id:
            return True
        return (
            isinstance(plan, Plan)
            and run.state == "succeeded"
            and run.current_result is not None
            and run.current_result.fingerprint == plan.intent.fingerprint
        )

    @property
    def is_spread(self) -> bool:
        """Return True if the ranges of this event's run have been requested."""
        run = self.known.run
        return (
            run is not None
            and run.state == "running"
            and run.spread is not None
            and run.revision == self.upload.revision
            and run.event_id == self.event_id
        )

    @property
    def is_waiting(self) -> bool:
        """Return True if this event's run waits for another try."""
        run = self.known.run
        return run is not None and run.state == "pending" and run.event_id == self.event_id
