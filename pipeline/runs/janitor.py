"""The janitor: ends lost runs, merges the search index, and removes deleted videos."""

import logging
import time
from collections.abc import Callable, Iterable

from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.aws.queues import Queue
from pipeline.core import events, intake
from pipeline.core.errors import BadInput, DependencyFailed, LeaseLost, Lost
from pipeline.core.events import Deletion, Event, Upload
from pipeline.core.range_request import RangeRequest
from pipeline.core.records import Spread, StageRun, Video
from pipeline.core.status import TERMINAL
from pipeline.results.deletion import Deletions
from pipeline.runs import failure, stalled
from pipeline.runs.context import about_run
from pipeline.runs.spread import request_of
from pipeline.runs.stalled import StalledRuns

log = logging.getLogger(__name__)


class Janitor:
    """The janitor: ends runs without lease or message, and wakes replays without a driver.

    Args:
        catalog: the catalog.
        wake_replays: wakes a driver for each replay that has none.
        merge_index: merges what is recent in the search index.
        dead_letters: returns stage and body of each message in the dead-letter queues.
        grace_s: how long after its lease expired a run may still be redelivered: the longest
            visibility timeout of a queue.
        queue: returns a stage's queue by its name.
        check: raises an error for an event that is not about one of our uploads.
        deletions: removes what is derived from deleted videos; None leaves it.
        wake_hosts: starts hosts for which messages wait.
    """

    def __init__(
        self,
        catalog: Catalog,
        wake_replays: Callable[[], object],
        dead_letters: Callable[[], Iterable[tuple[str, str]]],
        *,
        grace_s: float,
        merge_index: Callable[[], object] = lambda: None,
        queue: Callable[[str], Queue] = Queue,
        check: Callable[[Event], None] = lambda _: None,
        deletions: Deletions | None = None,
        wake_hosts: Callable[[], object] = lambda: None,
    ) -> None:
        self._wake_hosts = wake_hosts
        self._deletions = deletions
        self._catalog = catalog
        self._wake_replays = wake_replays
        self._merge_index = merge_index
        self._dead_letters = dead_letters
        self._grace_s = grace_s
        self._check = check
        self._stalled = StalledRuns(catalog, queue)

    def tidy(self) -> int:
        """Fail every run that nobody will work on any more; return how many."""
        ended = self._end_lost() + self._end_undeliverable()
        self._merge_index()
        self._purge_deleted()
        # Last: they fail while Batch or the bus is down, and everything else is done by then.
        try:
            self._wake_hosts()
        finally:
            self._wake_replays()
        return ended

    def _purge_deleted(self) -> None:
        """Remove what workers wrote after their video was deleted."""
        if self._deletions is None:
            return
        try:
            self._deletions.purge_due()
        except (DependencyFailed, *aws.ERRORS):
            log.warning("not all files of deleted videos were removed", exc_info=True)

    def _end_lost(self) -> int:
        ended = 0
        before = time.time() - self._grace_s
        for one in self._catalog.overdue(before=before):
            if isinstance(one, Video):
                ended += self._end_unclaimed(one)
                continue
            video_id, run, shadow = one
            if run.state in TERMINAL:
                self._catalog.announce(video_id, run)
            elif run.spread:
                ended += self._end_stalled(video_id, run, run.spread, shadow=shadow)
            else:
                ended += self._fail_lost(video_id, run, _lost(run), shadow=shadow)
        return ended

    def _end_unclaimed(self, video: Video) -> int:
        """End the stages of a video that no worker has claimed in all the time for it."""
        waiting = [run for run in video.stages.values() if run.unrecorded and not video.deleted_at]
        ended = [self._fail_lost(video.video_id, run, _lost(run), shadow=False) for run in waiting]
        self._catalog.all_claimed(video)
        return sum(ended)

    def _end_stalled(self, video_id: str, run: StageRun, spread: Spread, *, shadow: bool) -> bool:
        if not self._stalled.look(video_id, run, spread, shadow=shadow):
            return False
        return self._end_spread(video_id, run, spread, stalled.lost(run), shadow=shadow)

    def _end_spread(
        self, video_id: str, run: StageRun, spread: Spread, error: Lost, *, shadow: bool
    ) -> bool:
        ended = self._fail_lost(video_id, run, error, shadow=shadow)
        request = request_of(video_id, run, fingerprint=spread.fingerprint, shadow=shadow)
        self._stalled.tell(request, spread)  # to delete what it has left
        return ended

    def _end_undeliverable(self) -> int:
        ended = 0
        for stage, body in self._dead_letters():
            try:
                event = events.parse(body)
            except BadInput:
                continue  # not about a video: a person has to look at it
            error = Lost(
                "undeliverable",
                f"{stage} could not be started although its message was delivered repeatedly. "
                "The worker's log has the reason; the message is in the dead-letter queue.",
            )
            if isinstance(event, RangeRequest):
                run = self._stalled.waits_for(event)
                if run and run.spread:
                    ended += self._end_spread(
                        event.video_id, run, run.spread, error, shadow=event.shadow
                    )
                continue
            found = self._catalog.known(event.video_id, stage, shadow=event.shadow)
            if found is None:
                continue
            run = found.run
            if run is None and not event.shadow and not found.video.deleted_at:
                run = found.video.stages[stage]  # pending, although no run is recorded
            if run and _waits_for(run, event):
                ended += self._fail_lost(event.video_id, run, error, shadow=event.shadow)
        return ended

    def _fail_lost(self, video_id: str, run: StageRun, error: Lost, *, shadow: bool) -> bool:
        try:
            failed = self._catalog.runs_of(shadow=shadow).fail_lost(video_id, run, error)
        except LeaseLost:
            return False  # the run changed since it was read
        with about_run(run.stage, video_id, run.event_id):
            log.warning("%s %s: %s", run.stage, video_id, error.code)
            failure.count(error)
        if not shadow:
            self._catalog.announce(video_id, failed)
        return True

    def handle(self, body: str) -> None:
        """Handle an event from the janitor's queue: a deletion removes its video or captions.

        Raises:
            BadInput: ``bad_event`` or ``foreign_object``.
            NotAnnounced: the bus did not take the event of the deletion.
        """
        event = events.parse(body)
        self._check(event)
        if isinstance(event, Deletion):
            upload = self._catalog.record_deletion(event)
            if self._deletions:
                self._deletions.purge(event.video_id)
            if upload:
                self._catalog.announce_deletion(upload)
            if intake.kind(event.key, 0) == "captions":
                self._catalog.sidecars.detach(event)


def _lost(run: StageRun) -> Lost:
    return Lost(
        "lost",
        f"{run.stage} was {run.state} until its lease expired: its worker or its message was lost. "
        "Replay it.",
    )


def _waits_for(run: StageRun, event: Event) -> bool:
    """Return whether a run cannot continue without the message of ``event``."""
    if run.state in TERMINAL or run.spread:  # a spread run needs the messages of its ranges
        return False
    if run.state == "running" and (run.lease_until or 0) > time.time():
        return False
    if run.event_id is None:
        return isinstance(event, Upload) and event.revision == run.revision
    return run.event_id == event.event_id
