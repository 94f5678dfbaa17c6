"""Following a replay until it has reached a state."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from pipeline.core.errors import Interrupted, InvalidArgument, NotFound, TimedOut
from pipeline.replays.records import OVER, Replay
from pipeline.replays.store import Replays

_EVERY_S = 0.5
# The driver of a replay writes every second, but takes turns of a minute with other replays.
_QUIET_S = 10.0

NO_WORKER = "It makes no progress: no worker drives it. `videodrop worker` starts one."
NOT_ITS_TURN = "It waits for its turn: a worker drives other replays now."


def find(reference: str, replays: Replays) -> Replay:
    """Return the replay with this id, the only one whose id begins so, or the ``last`` one.

    Raises:
        NotFound: ``unknown_replay``.
        InvalidArgument: ``ambiguous_replay``.
    """
    if reference == "last":
        found = next(replays.newest(at_once=1), None)
    elif reference and (known := replays.get(reference)):
        found = known
    else:
        # Ids sort as text: those with this prefix are right before this string.
        alike = replays.newest(before=f"{reference}\N{DELETE}", at_once=2)
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
    """Return True if its plan is complete, or will not be made."""
    return replay.state != "planning"


def is_at_rest(replay: Replay) -> bool:
    """Return True if it waits for a decision of its owner, or has ended."""
    waits = replay.state in {"planned", "paused"}
    # A replay resumed a moment ago is about to run, unless it has a reason not to.
    return replay.state in OVER or (
        waits and (replay.desired_state != "run" or replay.reason is not None)
    )


def until(
    there: Callable[[Replay], bool],
    replay_id: str,
    replays: Replays,
    *,
    show: Callable[[Replay], None],
    warn: Callable[[str], None],
    timeout_s: float,
) -> Replay:
    """Poll a replay until a condition holds.

    Args:
        there: the condition.
        replay_id: id of the replay.
        replays: the replays.
        show: called with the replay each time.
        warn: called once if no driver works on it for long.
        timeout_s: seconds until it gives up.

    Raises:
        TimedOut: ``still_replaying``, or ``interrupted`` by Ctrl-C; the replay continues.
    """
    end = time.monotonic() + timeout_s
    heard = _Heard()
    with _left_running(replay_id):
        while True:
            replay = find(replay_id, replays)
            show(replay)
            if there(replay):
                return replay
            if heard.is_quiet(replay.updated_at) and heard.why is None:
                driven = replays.driven()
                if replay_id not in driven:  # a driver may sleep for longer while runs are out
                    heard.why = NOT_ITS_TURN if driven else NO_WORKER
                    warn(heard.why)
            if time.monotonic() >= end:
                why = f" {heard.why}" if heard.why else ""
                raise TimedOut(
                    "still_replaying",
                    f"After {timeout_s:,.0f} s it is still {replay.state}, and continues.{why} "
                    f"{how_to_look(replay_id)}",
                )
            time.sleep(_EVERY_S)


class _Heard:
    """The time of the driver's last update, by our clock, as its clock may differ."""

    def __init__(self) -> None:
        self.why: str | None = None
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
        raise Interrupted("interrupted", f"It continues. {how_to_look(replay_id)}") from error


def how_to_look(replay_id: str) -> str:
    """Return the commands that show its progress, and stop it."""
    return (
        f"`videodrop replays show {replay_id}` shows its progress, "
        f"`videodrop replays cancel {replay_id}` stops it."
    )
