"""The admission of runs to a host that is not for large jobs.

Lambda ends every execution after 15 minutes and gives it 10 GB of disk. A run that will not fit is
sent on before it begins, which saves up to 15 minutes.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from pipeline.core.errors import Outgrown, TimedOut, VideodropError
from pipeline.core.planner import Intent
from pipeline.core.records import StageRun, Video
from pipeline.core.settings import Settings
from pipeline.costs.estimator import Estimator, is_like

# An estimate is an average by length: this video may well take twice as long.
_SAFE_SHARE = 0.5


class Admission:
    """The admission of one stage's runs: rejects those that this host cannot finish.

    Args:
        stage: its name.
        settings: the stage's deadline and guesses; the lease.
        estimator: returns the estimator of run times on such hosts.
    """

    def __init__(self, stage: str, settings: Settings, estimator: Callable[[], Estimator]) -> None:
        self._stage = stage
        self._spec = settings.topology.stages[stage]
        self._lease_s = settings.lease_s
        self._estimator = estimator

    def check_past(self, before: StageRun | None) -> None:
        """Reject the run if the host killed an earlier attempt at its deadline.

        Lambda kills without notice. The last heartbeat of that attempt was at most a third of the
        lease before the end.

        Args:
            before: the run as it was before it was claimed.

        Raises:
            Outgrown: it did.
        """
        if before is None or before.state != "running" or not before.started_at:
            return
        heard = (before.lease_until or 0.0) - self._lease_s
        if heard - before.started_at.timestamp() > self._spec.timeout_s - self._lease_s:
            raise _outgrown(f"{self._stage} was cut off at its deadline here.")

    def check_room(self, size: int, scratch: Path) -> None:
        """Reject the run if the disk is too small.

        Args:
            size: bytes of the source.
            scratch: directory of the source and the stage's files.

        Raises:
            Outgrown: the disk is too small.
        """
        needed = size * (1 + self._spec.guess.bytes_per_source_byte)
        free = shutil.disk_usage(scratch).free
        if needed > free:
            raise _outgrown(
                f"{self._stage} may need {needed / 1e9:,.1f} GB of disk, and here are "
                f"{free / 1e9:,.1f}."
            )

    def check_time(self, video: Video, intent: Intent, seconds_left: float) -> None:
        """Reject the run if it is likely to exceed the deadline.

        The estimate is from recorded run times, or from the topology's guess without any.

        Args:
            video: the source; it passes while its length is unknown.
            intent: of the run.
            seconds_left: until the deadline.

        Raises:
            Outgrown: it is unlikely to end in time.
        """
        if video.probe is None:
            return
        run = video.stages.get(self._stage)
        result = run.current_result if run else None
        if result and result.large and is_like(result, intent.identity, intent.version):
            raise _outgrown(f"{self._stage} of this video was too large before.")
        expected, _ = self._estimator().estimate(
            self._stage, intent.identity, intent.version, video
        )
        if expected.seconds > _SAFE_SHARE * seconds_left:
            raise _outgrown(
                f"{self._stage} is expected to take {expected.seconds / 60:,.0f} min, too much to "
                f"be sure of with {seconds_left / 60:,.0f} min left to it here."
            )


def outgrown_by(error: VideodropError) -> Outgrown | None:
    """Return why a failed run should go to a larger host; None if it would fail there too.

    Larger hosts have more time and disk. A tool's own limit (``media_time``) is the same on all of
    them.
    """
    if isinstance(error, Outgrown):
        return error
    if isinstance(error, TimedOut) and error.code != "media_time":
        return _outgrown("It did not end within its time limit.")
    if error.code == "disk_full":
        return _outgrown("It filled the disk.")
    return None


def _outgrown(why: str) -> Outgrown:
    return Outgrown("sent_on", f"{why} It waits for a worker for large jobs.")
