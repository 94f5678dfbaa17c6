"""Events of ours to the bus: ends of runs, and of videos.

    Announcer.stage_ended(video_id, run)   Stage Succeeded | Skipped | Failed
    Announcer.video_deleted(upload)        Video Deleted

An event is sent once its change is visible, and before the message is deleted that led to it. So a
crash in between sends it again, with the same id.
"""

from collections.abc import Callable
from typing import Any

from pipeline.aws import clients as aws
from pipeline.core import outgoing
from pipeline.core.errors import DependencyFailed, NotAnnounced
from pipeline.core.events import Upload
from pipeline.core.outgoing import Outgoing
from pipeline.core.records import StageRun


class Announcer:
    """Sends our events to the bus.

    Args:
        put: sends entries of ``PutEvents``.
        bus: name of the bus.
    """

    def __init__(self, put: Callable[[list[dict[str, Any]]], object], bus: str) -> None:
        self._put = put
        self._bus = bus

    def stage_ended(self, video_id: str, run: StageRun) -> None:
        """Send the event of a run that has ended; superseded ones have none.

        Args:
            video_id: of the run.
            run: as it is recorded now; not that of a shadow.

        Raises:
            NotAnnounced: the bus did not take it.
        """
        if event := outgoing.stage_ended(video_id, run):
            self.send(event)

    def video_deleted(self, upload: Upload) -> None:
        """Send the event of a deleted video.

        Args:
            upload: its latest upload.

        Raises:
            NotAnnounced: the bus did not take it.
        """
        self.send(outgoing.video_deleted(upload))

    def send(self, *events: Outgoing) -> None:
        """Send events, in one request.

        Raises:
            NotAnnounced: the bus did not take all of them.
        """
        try:
            self._put([event.entry(self._bus) for event in events])
        except (DependencyFailed, *aws.ERRORS) as error:
            raise NotAnnounced(str(error)) from error


def silent() -> Announcer:
    """Return an announcer that sends nothing, for catalogs that only read."""
    return Announcer(lambda _: None, "")
