"""Housekeeping: nothing stays "processing" for ever, and what was deleted is marked so."""

import logging
import time

from pipeline import events
from pipeline.catalog import Catalog
from pipeline.errors import LeaseLost, Lost
from pipeline.events import Deletion

log = logging.getLogger(__name__)


class Janitor:
    """Ends stage runs that lost both their lease and their message.

    Args:
        catalog: where they are recorded.
        grace_s: how long after the end of its lease a run may still be redelivered: the longest
            visibility timeout of a queue.
    """

    def __init__(self, catalog: Catalog, *, grace_s: float) -> None:
        self._catalog = catalog
        self._grace_s = grace_s

    def end_lost_runs(self) -> int:
        """Fail every run that nobody can be working on any more; returns how many."""
        ended = 0
        for video_id, run in self._catalog.runs.overdue(before=time.time() - self._grace_s):
            error = Lost(
                "lost",
                f"{run.stage} was {run.state} and then not heard of again: its worker or its "
                "message was lost. Replay it.",
            )
            try:
                self._catalog.runs.bury(video_id, run, error)
            except LeaseLost:
                continue  # it was heard of after all
            log.warning("%s %s: lost", run.stage, video_id)
            ended += 1
        return ended

    def handle(self, body: str) -> None:
        """Handle an event from the janitor's queue: a deletion tombstones its video.

        Raises:
            BadInput: ``bad_event``.
        """
        event = events.parse(body)
        if isinstance(event, Deletion):
            self._catalog.record_deletion(event)
