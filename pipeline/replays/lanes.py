"""The replay lanes: the queues from which workers receive the runs that replays request."""

from typing import Any

from pipeline.aws import event_bus
from pipeline.core.events import Reprocess, reprocess_entry
from pipeline.core.settings import Settings
from pipeline.replays.records import Open, Replay

_AT_ONCE = 10  # EventBridge's limit on events a request


class Lanes:
    """The replay lanes of all stages.

    Args:
        events: a boto3 client for EventBridge.
        sqs: a boto3 client for SQS.
        settings: the names of the bus and the queues.
    """

    def __init__(self, events: Any, sqs: Any, settings: Settings) -> None:
        self._events = events
        self._sqs = sqs
        self._names = settings.names
        self._spec = settings.topology.reprocess

    def ask(self, replay: Replay, runs: list[Open]) -> None:
        """Request runs; a duplicate request has no effect.

        Raises:
            DependencyFailed: the bus rejected a request; some may have been accepted.
        """
        entries = [self._entry(replay, run) for run in runs]
        for start in range(0, len(entries), _AT_ONCE):
            event_bus.put(self._events, entries[start : start + _AT_ONCE])

    def is_empty(self, stage: str) -> bool:
        """Return True if SQS counts no message of a stage, waiting or in flight; approximate."""
        url = self._sqs.get_queue_url(QueueName=self._names.queue(stage, "replay"))["QueueUrl"]
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not any(int(found[name]) for name in names)

    def _entry(self, replay: Replay, run: Open) -> dict[str, Any]:
        request = Reprocess(
            event_id="",
            time=replay.created_at,
            video_id=run.video_id,
            stage=run.stage,
            params=replay.request.params.get(run.stage, {}),
            revision=run.revision,
            replay_id=replay.replay_id,
            shadow=replay.request.shadow,
            reset=replay.request.reset,
        )
        return reprocess_entry(
            request,
            source=self._spec.source,
            detail_type=self._spec.detail_type,
            bus=self._names.bus,
        )
