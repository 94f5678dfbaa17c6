"""A claimed run: the lease on a stage run, and every write that its holder makes."""

from collections.abc import Callable

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import Outgrown, VideodropError
from pipeline.core.records import StageResult, StageRun
from pipeline.core.settings import Settings


class ClaimedRun:
    """A stage run that this process may write to.

    Each write is conditional on the ``attempt`` that the claim raised, the fencing token. A write
    after another worker has taken over raises ``LeaseLost`` and changes nothing.

    Args:
        catalog: the catalog.
        video_id: of the run.
        run: as it was claimed.
        shadow: True if its result is only compared.
        settings: how long it may wait for its next try.
    """

    def __init__(
        self, catalog: Catalog, video_id: str, run: StageRun, *, shadow: bool, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._runs = catalog.runs_of(shadow=shadow)
        self._shadow = shadow
        self._patience_s = settings.topology.queues.retention_s
        self.video_id = video_id
        self.run = run

    @property
    def stage(self) -> str:
        """Return the stage's name."""
        return self.run.stage

    @property
    def folder(self) -> str:
        """Return the name of the folder that only this run writes its files to."""
        return self._runs.folder(self.run)

    def heartbeat(self, *, progress: float, lease_s: float) -> None:
        """Extend the lease and write the progress (0 to 100)."""
        self._runs.heartbeat(self.video_id, self.run, progress=progress, lease_s=lease_s)

    def report(self, *, progress: float) -> None:
        """Write the progress (0 to 100)."""
        self._runs.report(self.video_id, self.run, progress=progress)

    def succeed(self, result: StageResult) -> None:
        """End the run with a result, which becomes current or, of a shadow run, comparable."""
        if self._shadow:
            self._runs.succeed(self.video_id, self.run, result)
        else:
            self._catalog.succeed(
                self.video_id, self.run, result
            )  # also updates the index of labels

    def skip(self) -> None:
        """End the run: its uploader does not want the stage."""
        self._runs.end(self.video_id, self.run, "skipped")

    def supersede(self) -> None:
        """End the run: a later upload replaced its source."""
        self._runs.end(self.video_id, self.run, "superseded")

    def fail(self, error: VideodropError) -> None:
        """End the run as failed; an earlier result stays."""
        self._runs.end(self.video_id, self.run, "failed", error)

    def release(self, error: VideodropError, *, tries: int) -> None:
        """Give the run back for another try, the next after ``tries``."""
        self._runs.release(self.video_id, self.run, error, tries=tries, patience_s=self._patience_s)

    def send_on(self, why: Outgrown, send: Callable[[], None]) -> None:
        """Give the run back, this try not counted, then send its message to a larger host.

        In this order the receiver finds the run free. A process that dies before it sends gets its
        own message again, and sends it then. One that dies after it has sent sends it twice: the
        second receiver finds the run taken or done.
        """
        self.release(why, tries=self.run.tries - 1)
        send()
