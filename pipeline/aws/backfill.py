"""Take in what lies in the uploads bucket already, by the queues of replays.

The bucket is walked in the order of its keys. The table has the place up to which all was sent: a
walk that was killed goes on there, and what it sent twice is handled once. At most a window of
messages waits in a queue, because SQS keeps them for two weeks only.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pipeline.aws.catalog.table import Table
from pipeline.aws.missing import Listed, Missing
from pipeline.aws.notified import Notified
from pipeline.core import intake

_PK = "#backfill"
_MARK = "backfill"  # in place of the name of an archive's replay
_STEP = 100  # objects between two checkpoints
_LOOK_S = 2.0  # between two looks at the queues
_COLD = {"GLACIER", "DEEP_ARCHIVE"}  # objects that have to be restored before they can be read


@dataclass(frozen=True)
class Place:
    """The part of the bucket that is still to be walked.

    Attributes:
        prefix: of the keys.
        since: only what was written then or later.
        after: the last key that was walked; empty at the beginning.
    """

    prefix: str
    since: datetime | None = None
    after: str = ""


@dataclass(frozen=True)
class Seen:
    """The numbers of objects up to a place.

    Attributes:
        place: the place.
        objects: all of them.
        new: videos that the catalog lacks.
        bytes: of these.
        captions: files of captions, which are sent again.
        known: videos that the catalog has.
        older: those written before the time that was asked for.
        cold: videos in an archive of S3, that were not restored.
        other: folders, and files beside videos.
        waits: True while the queues are full.
    """

    place: Place
    objects: int = 0
    new: int = 0
    bytes: int = 0
    captions: int = 0
    known: int = 0
    older: int = 0
    cold: int = 0
    other: int = 0
    waits: bool = False


class Backfill:
    """The walk through the uploads bucket.

    Args:
        missing: compares the bucket with the catalog.
        notified: sends the events.
        table: holds the place.
        waiting: returns the number of messages that wait in the fullest queue of replays.
        window: the most that may wait there.
    """

    def __init__(
        self,
        missing: Missing,
        notified: Notified,
        table: Table,
        *,
        waiting: Callable[[], int],
        window: int,
    ) -> None:
        self._missing = missing
        self._notified = notified
        self._table = table
        self._waiting = waiting
        self._window = window

    def begun(self, prefix: str) -> Place | None:
        """Return the place of a walk that was interrupted."""
        row = self._table.get(*self._row(prefix))
        if row is None:
            return None
        since = datetime.fromisoformat(row["since"]) if row.get("since") else None
        return Place(prefix, since, row["after"])

    def plan(self, place: Place) -> Iterator[Seen]:
        """Yield the numbers of objects from a place on, growing; nothing is sent."""
        for seen, _ in self._walk(place):
            yield seen

    def run(self, place: Place) -> Iterator[Seen]:
        """Send the events of all objects from a place on; yield the numbers of those sent.

        Raises:
            DependencyFailed: ``not_sent``; the next run goes on there.
        """
        self._checkpoint(place)
        sent = 0
        for seen, found in self._walk(place):
            while self._waiting() + len(found) > self._window + _STEP:
                yield replace(seen, new=sent, waits=True)
                time.sleep(_LOOK_S)
            made = [event for one in found if (event := self._missing.created(*one))]
            self._notified.send([one | {"replay-name": _MARK} for one in made], lane="replay")
            self._checkpoint(seen.place)
            sent = seen.new
            yield seen
        self.end(place.prefix)

    def end(self, prefix: str) -> None:
        """Forget the place of a walk: the next one begins at the first key."""
        pk, sk = self._row(prefix)
        self._table.write(deletes=[{"pk": pk, "sk": sk}])

    def _walk(self, place: Place) -> Iterator[tuple[Seen, list[Any]]]:
        """Yield the numbers so far, with the objects since the last time that are to be sent."""
        seen = Seen(place)
        for page in self._missing.pages(place.prefix, after=place.after):
            listed = page.get("Contents", [])
            for start in range(0, len(listed), _STEP):
                some = listed[start : start + _STEP]
                seen, found = self._add(seen, some)
                yield seen, found

    def _add(self, seen: Seen, some: list[Listed]) -> tuple[Seen, list[Any]]:
        kinds = [(intake.kind(one["Key"], one["Size"]), one) for one in some]
        wanted = [pair for pair in kinds if pair[0] != "other"]
        since = seen.place.since
        young = [pair for pair in wanted if since is None or pair[1]["LastModified"] >= since]
        media = [one for kind, one in young if kind == "media"]
        captions = [one for kind, one in young if kind == "captions"]
        missing = self._missing.among(media)
        cold = {one["Key"] for one, _ in missing if one.get("StorageClass") in _COLD}
        if cold:
            place = seen.place
            cold -= self._missing.restored(place.prefix, after=place.after, number=len(some))
        new = [pair for pair in missing if pair[0]["Key"] not in cold]
        return Seen(
            place=replace(seen.place, after=some[-1]["Key"]),
            objects=seen.objects + len(some),
            new=seen.new + len(new),
            bytes=seen.bytes + sum(one["Size"] for one, _ in new),
            captions=seen.captions + len(captions),
            known=seen.known + len(media) - len(missing),
            older=seen.older + len(wanted) - len(young),
            cold=seen.cold + len(missing) - len(new),
            other=seen.other + len(some) - len(wanted),
        ), [*new, *((one, None) for one in captions)]

    def _checkpoint(self, place: Place) -> None:
        since = place.since.isoformat() if place.since else None
        self._table.put(*self._row(place.prefix), {"after": place.after, "since": since})

    def _row(self, prefix: str) -> tuple[str, str]:
        return _PK, f"{self._missing.bucket}/{prefix}"
