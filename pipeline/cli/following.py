"""Staying with a replay until it is where one waits for it to be."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from pipeline.core.errors import Interrupted, InvalidArgument, NotFound, TimedOut
from pipeline.replays.records import OVER, Replay
from pipeline.replays.store import Replays

_EVERY_S = 0.5
# Whoever drives a replay writes every second, but takes turns of a minute with other replays.
_QUIET_S = 10.0

NO_WORKER = (
    "Nobody seems to work on it: no worker runs, or it is busy with other replays. "
    "`videodrop worker` starts one."
)


def find(reference: str, replays: Replays) -> Replay:
    """The replay with this id, the only one whose id begins so, or the ``last`` one.

    Raises:
        NotFound: ``unknown_replay``.
        InvalidArgument: ``ambiguous_replay``.
    """
    if reference == "last":
        found = next(replays.newest(), None)
    elif reference and (known := replays.get(reference)):
        found = known
    else:
        # Ids sort as text: those that begin so stand together, right before this.
        alike = replays.newest(before=f"{reference}\N{DELETE}")
        found, second = next(alike, None), next(alike, None)
        if not reference or (found and not found.replay_id.startswith(reference)):
            found = None
        elif second and second.replay_id.startswith(reference):
            raise InvalidArgument(
                "ambiguous_replay", f"More than one replay begins with {reference}: give more."
            )
    if found is None:
        raise NotFound(
            "unknown_replay", f"There is no replay {reference}. `videodrop replays` lists all."
        )
    return found


def is_planned(replay: Replay) -> bool:
    """Whether its plan is complete, or will not be."""
    return replay.state != "planning"


def is_at_rest(replay: Replay) -> bool:
    """Whether nothing will happen until its owner says something."""
    waits = replay.state in {"planned", "paused"}
    # Told to run, it is about to; unless it says why not.
    return replay.state in OVER or (waits and (replay.wish != "run" or replay.reason is not None))


def until(
    there: Callable[[Replay], bool],
    replay_id: str,
    replays: Replays,
    *,
    show: Callable[[Replay], None],
    warn: Callable[[str], None],
    timeout_s: float,
) -> Replay:
    """Look at a replay again and again.

    Args:
        there: whether it is where it is waited for.
        replay_id: which.
        replays: where to look.
        show: is given the replay each time.
        warn: is told once when nothing was heard of its driver for long.
        timeout_s: how long to look.

    Raises:
        TimedOut: ``still_replaying``, or ``interrupted`` by Ctrl-C; the replay goes on.
    """
    end = time.monotonic() + timeout_s
    heard = _Heard()
    with _left_running(replay_id):
        while True:
            replay = find(replay_id, replays)
            show(replay)
            if there(replay):
                return replay
            if heard.is_quiet(replay.updated_at) and not heard.warned:
                heard.warned = True
                warn(NO_WORKER)
            if time.monotonic() >= end:
                why = f" {NO_WORKER}" if heard.warned else ""
                raise TimedOut(
                    "still_replaying",
                    f"After {timeout_s:,.0f} s it is still {replay.state}, and goes on.{why} "
                    f"{how_to_look(replay_id)}",
                )
            time.sleep(_EVERY_S)


class _Heard:
    """When something was last heard of a driver: by our own clock, for its may be another."""

    def __init__(self) -> None:
        self.warned = False
        self._last: datetime | None = None
        self._at = 0.0

    def is_quiet(self, updated_at: datetime) -> bool:
        now = time.monotonic()
        if updated_at != self._last:
            self._last, self._at = updated_at, now
        return now - self._at >= _QUIET_S


@contextmanager
def _left_running(replay_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted", f"It goes on. {how_to_look(replay_id)}") from error


def how_to_look(replay_id: str) -> str:
    """What to type to see how far it is, and to stop it."""
    return (
        f"`videodrop replays show {replay_id}` tells how far it is, "
        f"`videodrop replays cancel {replay_id}` stops it."
    )
