"""A claimed run: the lease on a stage run, and every write that its holder makes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from pipeline.aws.catalog import Catalog, timings
from pipeline.core.errors import Lost, VideodropError
from pipeline.core.events import Upload
from pipeline.core.records import Failure, StageResult, StageRun
from pipeline.core.settings import Settings


class Claimed(ABC):
    """A run, or one range of a run, that this process may write to.

    Each write raises ``LeaseLost`` and changes nothing once another worker has taken over.

    Args:
        video_id: of the run.
        stage: of the run.
    """

    def __init__(self, video_id: str, stage: str) -> None:
        self.video_id = video_id
        self.stage = stage

    @property
    @abstractmethod
    def tries(self) -> int:
        """Return the number of claims that count, this one included."""

    @abstractmethod
    def heartbeat(self, *, progress: float, lease_s: float) -> None:
        """Extend the lease and write the progress (0 to 100)."""

    @abstractmethod
    def report(self, *, progress: float) -> None:
        """Write the progress (0 to 100)."""

    @abstractmethod
    def supersede(self) -> None:
        """End the run: a later upload replaced its source."""

    @abstractmethod
    def fail(self, error: VideodropError) -> None:
        """End the run as failed; an earlier result stays."""

    @abstractmethod
    def release(self, error: VideodropError, *, tries: int) -> None:
        """Give it back for another try, the next after ``tries``."""


class ClaimedRun(Claimed):
    """A stage run that this process may write to.

    Each write is conditional on the ``attempt`` that the claim raised, the fencing token. A write
    after another worker has taken over raises ``LeaseLost`` and changes nothing. Each end may raise
    ``NotAnnounced``: then it is recorded, and its message is to be delivered again.

    Args:
        catalog: the catalog.
        video_id: of the run.
        run: as it was claimed.
        shadow: True if its result is only compared.
        settings: how long it may wait for its next try.
        upload: its source, if it is known, which saves a read at its end.
    """

    def __init__(
        self,
        catalog: Catalog,
        video_id: str,
        run: StageRun,
        *,
        shadow: bool,
        settings: Settings,
        upload: Upload | None = None,
    ) -> None:
        self._catalog = catalog
        self._upload = upload
        self._runs = catalog.runs_of(shadow=shadow)
        self._shadow = shadow
        self._patience_s = settings.topology.queues.retention_s
        super().__init__(video_id, run.stage)
        self.run = run

    @property
    def tries(self) -> int:
        """Return the number of claims that count, this one included."""
        return self.run.tries

    @property
    def folder(self) -> str:
        """Return the name of the folder that only this run writes its files to."""
        return self._runs.folder(self.run.attempt)

    def heartbeat(self, *, progress: float, lease_s: float) -> None:
        """Extend the lease and write the progress (0 to 100)."""
        self._runs.heartbeat(self.video_id, self.run, progress=progress, lease_s=lease_s)

    def report(self, *, progress: float) -> None:
        """Write the progress (0 to 100)."""
        self._runs.report(self.video_id, self.run, progress=progress)

    def succeed(
        self,
        result: StageResult,
        *,
        computed: bool = False,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """End the run with a result, which becomes current or, of a shadow run, comparable.

        Args:
            result: the result.
            computed: whether this run made it, so that its cost is recorded for estimates.
            files: contents of its files by name, as far as they are at hand.
        """
        run, also = self.run, [timings.row(result)] if computed else []
        if self._shadow:
            self._runs.succeed(self.video_id, run, result, also=also)
        else:  # also updates the indexes
            self._catalog.succeed(
                self.video_id, run, result, upload=self._upload, also=also, files=files
            )
        self._announce(state="succeeded", result=result, result_revision=run.revision)

    def cancel(self) -> None:
        """End the run, whose replay was cancelled: a result that was current is so again.

        A run that is pending for ever would show the video as in progress.
        """
        if result := self.run.current_result:
            self.succeed(result)
        else:
            message = f"{self.stage} was still to be run when its replay was cancelled. Replay it."
            self.fail(Lost("cancelled", message))

    def skip(self) -> None:
        """End the run: its uploader excluded the stage, or the media has nothing for it."""
        self._runs.end(self.video_id, self.run, "skipped")
        self._announce(state="skipped")

    def supersede(self) -> None:
        """End the run: a later upload replaced its source."""
        self._runs.end(self.video_id, self.run, "superseded")

    def fail(self, error: VideodropError) -> None:
        """End the run as failed; an earlier result stays."""
        self._runs.end(self.video_id, self.run, "failed", error)
        self._announce(state="failed", error=Failure.of(error))

    def _announce(self, **ended: Any) -> None:
        """Send the event of the run, whose end is recorded.

        Raises:
            NotAnnounced: the run has ended; only its event is missing.
        """
        if not self._shadow:
            self._catalog.announcer.stage_ended(self.video_id, self.run.model_copy(update=ended))

    def release(self, error: VideodropError, *, tries: int) -> None:
        """Give the run back for another try, the next after ``tries``."""
        self._runs.release(self.video_id, self.run, error, tries=tries, patience_s=self._patience_s)
