"""The consumption of events: they are logged, delivered, and completed by those of their videos.

It is off the path of runs: a run sends the event of its own end, in one request. Whether all stages
of its video have ended is found here.
"""

from pipeline.aws.catalog import Catalog
from pipeline.core import events, intake, outgoing
from pipeline.core.events import Upload
from pipeline.core.outgoing import Outgoing
from pipeline.results.outgoing.deliverer import Deliverer


class EventConsumer:
    """Consumes the events of uploads, stages and videos, and requests of deliveries.

    Args:
        catalog: the videos, the log of events, and the sender of events.
        deliverer: delivers them to webhooks.
    """

    def __init__(self, catalog: Catalog, deliverer: Deliverer) -> None:
        self._catalog = catalog
        self._deliverer = deliverer

    def handle(self, body: str) -> None:
        """Handle one message; handling it again changes nothing.

        Raises:
            BadInput: ``bad_event``: it is none of these.
            NotAnnounced: the bus did not take the event of its video.
        """
        match outgoing.check(body):
            case "Object Created":
                self._uploaded(events.parse(body))
            case outgoing.DELIVERY_REQUESTED:
                self._deliverer.handle(outgoing.delivery_requested(body))
            case _:
                self._tell(outgoing.parse(body))

    def _uploaded(self, event: events.Event) -> None:
        if isinstance(event, Upload) and intake.kind(event.key, event.size) == "media":
            self._catalog.announcer.send(outgoing.video_uploaded(event))

    def _tell(self, event: Outgoing) -> None:
        self._deliverer.request_all(event, self._catalog.events.append(event))
        if not event.type.startswith("stage."):
            return
        # Later than the end that this event is about, so the last of several ends sees all others.
        video = self._catalog.video(event.detail.video_id)
        if video and (settled := outgoing.video_settled(video)):
            self._catalog.announcer.send(settled)
