"""The driver of a replay, which works from checkpoint to checkpoint.

    planning   walk the selected videos and add up the plan
    running    walk them again, request runs, at most a window of them at once, and settle those
               that have ended
    paused     requested runs still end

A driver may be killed at any time. Its whole state is in the replay's item, which changes by single
conditional writes. A run is recorded before it is requested, and the worker recognizes a
duplicate request.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.aws.classify import classify
from pipeline.core.errors import LeaseLost
from pipeline.core.events import WakeUp
from pipeline.costs.estimator import Estimator
from pipeline.replays import budget, walker
from pipeline.replays.examiner import Examiner
from pipeline.replays.lanes import Lanes
from pipeline.replays.records import OVER, Replay, ReplayState
from pipeline.replays.settlement import Settlement
from pipeline.replays.store import Replays

log = logging.getLogger(__name__)

_PAUSE_S = 0.5
# While runs are open, the driver sleeps this many times as long as its last step took: the first
# if many runs had ended, else the second. The database also serves fresh uploads.
_REST, _LONG_REST = 4, 19
_MUCH = 1 / 8  # of a window
# Least checkpoints within one lease, however long a step takes.
_BEATS = 4


@dataclass(frozen=True)
class Pace:
    """The pace of a driver.

    Attributes:
        lease_s: seconds without a checkpoint after which another driver may take over.
        turn_s: longest turn of one replay, in seconds.
        window: most runs that are open at once.
    """

    lease_s: float = 60.0
    turn_s: float = 60.0
    window: int = 200


class Driver:
    """The driver: it plans replays, requests their runs and settles them.

    Args:
        replays: the recorded replays.
        examiner: judges the stages of videos.
        estimator: estimates the cost of runs.
        lanes: requests runs.
        settlement: finds the runs that have ended.
        pace: the lease, the turn and the window.
        sleep: waits; replaced in tests.
    """

    def __init__(
        self,
        replays: Replays,
        examiner: Examiner,
        estimator: Estimator,
        lanes: Lanes,
        settlement: Settlement,
        *,
        pace: Pace,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._replays = replays
        self._examiner = examiner
        self._walker = walker.Walker(examiner, estimator, window=pace.window)
        self._lanes = lanes
        self._settlement = settlement
        self._pace = pace
        self._sleep = sleep

    def drive(
        self,
        wake_up: WakeUp,
        *,
        seconds: float,
        beat: Callable[[], None] = lambda: None,
        receives: int = 1,
    ) -> None:
        """Drive a replay for one turn, and send a message for the next turn if it is not over.

        Args:
            wake_up: names the replay; ignored if it was answered before.
            seconds: longest turn here; a turn is never longer than ``Pace.turn_s``.
            beat: called at each checkpoint, to keep the received message hidden from others.
            receives: how often that message was delivered, this time included.

        Raises:
            Busy: another driver holds the lease.
            DependencyFailed, or botocore's own: AWS failed for now; the next delivery continues.
        """
        # An earlier receiver of this message may have taken the lease and died.
        after = None if wake_up.attempt is None else wake_up.attempt + receives - 1
        replay = self._replays.claim(wake_up.replay_id, lease_s=self._pace.lease_s, after=after)
        if replay is None:
            return
        end = time.monotonic() + min(seconds, self._pace.turn_s)
        try:
            while True:
                begun, ended, requests = time.monotonic(), replay.ended, replay.requests
                replay, moved = self._step(replay)
                replay = self._checkpoint(replay)
                beat()
                at_rest = _is_at_rest(replay, requests)
                if at_rest or time.monotonic() >= end:
                    if self._replays.leave(replay, at_rest=at_rest):
                        break
                    # Its owner has just requested another state.
                    replay = self._checkpoint(replay)
                    end = max(end, time.monotonic() + walker.STEP_S)
                elif replay.open:
                    much = replay.ended - ended >= self._pace.window * _MUCH
                    times = _REST if much else _LONG_REST
                    rest = max(_PAUSE_S, times * (time.monotonic() - begun))
                    self._sleep(min(rest, self._pace.lease_s / _BEATS))
                elif not moved:
                    self._sleep(_PAUSE_S)
        except LeaseLost:
            return
        if not at_rest:
            self._replays.wake(replay)

    def _checkpoint(self, replay: Replay) -> Replay:
        return self._replays.checkpoint(replay, lease_s=self._pace.lease_s)

    # -- one step --------------------------------------------------------------------------------

    def _step(self, replay: Replay) -> tuple[Replay, bool]:
        """Take one step; return the replay, and whether anything moved."""
        try:
            if replay.desired_state == "cancel":
                return self._dropped(replay, "cancelled"), True
            match replay.state:
                case "planning":
                    return self._plan(replay), True
                case "planned":
                    return self._begin(replay), True
                case _:
                    return self._run(replay)
        except LeaseLost:
            raise
        except Exception as error:
            failure = classify(error)
            if failure.retryable:
                raise
            return self._dropped(replay, "failed", failure.message), True

    def _dropped(self, replay: Replay, state: ReplayState, reason: str | None = None) -> Replay:
        """End the replay early, and have workers drop the runs it requested."""
        self._replays.drop(replay.replay_id)
        return _over(replay, state, reason)

    def _plan(self, replay: Replay) -> Replay:
        """Check the request, draw the random sample, or examine further videos."""
        if replay.cursor is None:
            self._examiner.check(replay.request)
        if replay.request.sample is not None and not replay.drawn:
            return self._walker.draw(replay, replay.request.sample)
        replay = self._walker.plan(replay)
        return self._planned(replay) if replay.plan.complete else replay

    def _planned(self, replay: Replay) -> Replay:
        """Continue from the complete plan: end, wait for the owner, or run."""
        replay = replay.model_copy(update={"state": "planned", "cursor": None})
        return self._begin(replay)

    def _begin(self, replay: Replay) -> Replay:
        if replay.desired_state != "run":
            return replay
        if not replay.plan.runs:
            return _over(replay, "finished")
        if reason := budget.excess(replay.request, replay.plan.estimate.usd):
            return replay.model_copy(update={"reason": reason})
        return _running(replay).model_copy(update={"started_at": datetime.now(UTC)})

    def _run(self, replay: Replay) -> tuple[Replay, bool]:
        """Settle the runs that have ended, and request further ones."""
        before = replay.ended
        replay = self._settlement.settle(replay)
        moved = replay.ended > before
        if replay.desired_state == "pause":
            return replay.model_copy(update={"state": "paused", "reason": None}), moved
        if replay.state == "paused":
            replay = _running(replay)
        if not replay.walked and len(replay.open) <= self._pace.window / 2:
            chosen = self._walker.choose(replay)
            moved |= chosen.cursor != replay.cursor
            # Recorded first: a duplicate request does no harm, a lost one does.
            replay = self._checkpoint(chosen)
            if replay.desired_state != "run":
                return replay, moved  # its owner has just requested another state
        elif replay.walked and not replay.open:
            return _over(replay, "finished"), True
        return self._ask(replay), moved

    def _ask(self, replay: Replay) -> Replay:
        """Request the open runs that were not requested yet."""
        due = [one for one in replay.open if not one.asked_at]
        if not due:
            return replay
        self._lanes.ask(replay, due)
        now = time.time()
        asked = [
            one if one.asked_at else one.model_copy(update={"asked_at": now}) for one in replay.open
        ]
        return replay.model_copy(update={"open": asked})


def _running(replay: Replay) -> Replay:
    since = {"running_since": datetime.now(UTC), "ended_before": replay.ended}
    return replay.model_copy(update={"state": "running", "reason": None, **since})


def _over(replay: Replay, state: ReplayState, reason: str | None = None) -> Replay:
    now = datetime.now(UTC)
    return replay.model_copy(
        update={"state": state, "reason": reason, "open": [], "finished_at": now}
    )


def _is_at_rest(replay: Replay, requests: int) -> bool:
    """Return True if the driver has nothing to do until the owner requests another state.

    Args:
        replay: the replay after a step.
        requests: number of the owner's requests that this step knew of.
    """
    if replay.state in OVER:
        return True
    return replay.requests == requests and (
        replay.state == "planned"
        # A lost request is sent again when the replay resumes.
        or (replay.state == "paused" and not any(one.asked_at for one in replay.open))
    )
