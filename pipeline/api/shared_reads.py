"""The reads of the streams of events, made once for all streams of a process.

The end of the log is read once a second and each video every two, however many pages are open. A
client that comes from farther back reads the log itself until it has caught up.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.event_log import Logged
from pipeline.core.records import Video

LOOK_S = 1.0
PROGRESS_S = 2.0
_KEPT = 1000  # events, and videos
_PAGE = 100  # events
_FORGOTTEN_S = 30.0
# Streams wait for a second between two looks: the next look must not come too early by a little.
_EARLY = 0.9


class SharedReads:
    """The end of the log of events, and the videos that streams follow.

    Args:
        catalog: the log of events, and the videos.
        keep: False to read each time, where an answer is one look.
        clock: seconds.
    """

    def __init__(
        self, catalog: Catalog, *, keep: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog = catalog
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: deque[Logged] = deque()
        self._begin = self._end = 0
        self._looked_at = -_FORGOTTEN_S
        self._videos: dict[str, tuple[float, Video | None]] = {}

    def last(self) -> int:
        """Return the position of the newest event; 0 if there is none."""
        return self._catalog.events.last()

    def after(self, position: int) -> list[Logged]:
        """Return the events after a position, the oldest first; a later call has the rest."""
        if self._keep:
            with self._lock:
                self._look()
                if position >= self._begin:
                    return [one for one in self._recent if one.position > position]
        return self._catalog.events.after(position, limit=_PAGE)

    def videos(self, ids: list[str]) -> list[Video]:
        """Return the videos that exist, in brief, as they were at most two seconds ago."""
        if not self._keep:
            return self._catalog.videos(ids, brief=True)
        with self._lock:
            now = self._clock()
            oldest = now - PROGRESS_S * _EARLY
            if len(self._videos) > _KEPT:
                self._videos = {k: v for k, v in self._videos.items() if v[0] > oldest}
            late = [one for one in ids if self._videos.get(one, (-PROGRESS_S,))[0] <= oldest]
            found = {one.video_id: one for one in self._catalog.videos(late, brief=True)}
            self._videos |= {one: (now, found.get(one)) for one in late}
            known = [self._videos[one][1] for one in ids]
        return [one for one in known if one]

    def _look(self) -> None:
        """Read the events that the log has got since the last look."""
        now = self._clock()
        age = now - self._looked_at
        if age < LOOK_S * _EARLY:
            return
        log = self._catalog.events
        if age >= _FORGOTTEN_S:  # nobody has followed for long
            self._recent.clear()
            self._begin = self._end = log.last()
        else:
            found = log.after(self._end, limit=_PAGE)
            self._recent.extend(found)
            self._end = found[-1].position if found else self._end
        while len(self._recent) > _KEPT:
            self._begin = self._recent.popleft().position
        self._looked_at = now
