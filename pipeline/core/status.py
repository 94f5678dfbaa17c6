"""The states of stage runs, and the status of a video, which follows from them."""

from collections.abc import Collection
from typing import Literal

StageState = Literal["pending", "running", "succeeded", "skipped", "failed", "superseded"]
ListedStatus = Literal["processing", "ready", "ready_with_warnings", "partial", "failed"]
"""The statuses that videos can be selected by. Deleted videos are not listed."""
VideoStatus = Literal[ListedStatus, "deleted"]

TERMINAL: frozenset[StageState] = frozenset({"succeeded", "skipped", "failed", "superseded"})
"""The states of runs that have ended."""


def status_of(outcomes: Collection[tuple[StageState, bool, bool]], *, deleted: bool) -> VideoStatus:
    """Return the status of a video.

    Args:
        outcomes: of each stage its state, whether it has a current result, and whether that warns.
        deleted: True if it was deleted.
    """
    if deleted:
        return "deleted"
    states = {state for state, _, _ in outcomes}
    # Superseded: the source was replaced before it was read; the newer upload's event follows.
    if states & {"pending", "running", "superseded"}:
        return "processing"
    # A failed reprocessing leaves the status of the result that stands.
    if any(state == "failed" and not made for state, made, _ in outcomes):
        return "partial" if any(made for _, made, _ in outcomes) else "failed"
    return "ready_with_warnings" if any(warned for _, _, warned in outcomes) else "ready"
