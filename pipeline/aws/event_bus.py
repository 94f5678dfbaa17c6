"""Events of our own, sent to EventBridge."""

from typing import Any

from pipeline.core.errors import DependencyFailed


def put(events: Any, entries: list[dict[str, Any]]) -> None:
    """Send at most ten events, or raise.

    Raises:
        DependencyFailed: ``event_refused``, when the bus did not take one; some may have been sent.
    """
    answer = events.put_events(Entries=entries)
    if answer["FailedEntryCount"]:
        why = next(entry for entry in answer["Entries"] if "ErrorCode" in entry)
        raise DependencyFailed(
            "event_refused",
            f"EventBridge did not take an event: {why['ErrorCode']}: {why.get('ErrorMessage')}",
        )
