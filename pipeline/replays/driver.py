"""Drives a replay from checkpoint to checkpoint.

    planning   walk the selected videos, add up what would be done
    running    walk them again, ask for runs, never more than a window of them at once, and look
               which have ended
    paused     what was asked for still ends

Whoever drives may be killed at any moment. All that it knows is in the replay's item, which moves
in single conditional writes; a run is written down as asked for before it is, and the worker knows
a copy of a request for what it is.
"""

import logging
import time
from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2s
from typing import Literal

from pipeline.aws.classify import classify
from pipeline.core.errors import LeaseLost
from pipeline.core.events import WakeUp, replay_event_id
from pipeline.costs.estimator import Estimator
from pipeline.replays import budget
from pipeline.replays.examiner import Examiner
from pipeline.replays.lanes import Lanes
from pipeline.replays.records import OVER, Open, Replay, ReplayState, StageProgress
from pipeline.replays.request import ReplayRequest
from pipeline.replays.settlement import Settlement
from pipeline.replays.store import Replays
from pipeline.replays.tally import Tally, estimated
from pipeline.replays.verdict import Judged

log = logging.getLogger(__name__)

# Longer than this nobody waits for a checkpoint while much is to be looked at.
_STEP_S = 1.0
_PAUSE_S = 0.5
# While runs are out, so many times as long as a look has taken nobody looks again, if it found that
# much has ended, and if not: a database that is shared with fresh uploads has other things to do.
_REST, _LONG_REST = 4, 19
_MUCH = 1 / 8  # of a window
# So often within its lease a driver is heard of, however long its steps take.
_BEATS = 4


@dataclass(frozen=True)
class Pace:
    """How a driver works.

    Attributes:
        lease_s: how long a driver may be silent before another takes over.
        turn_s: how long one replay is driven before another one's turn.
        window: most runs that are out at once.
    """

    lease_s: float = 60.0
    turn_s: float = 60.0
    window: int = 200


class Driver:
    """Drives replays.

    Args:
        replays: where they are recorded.
        examiner: says what would become of a video.
        estimator: says what that would take.
        lanes: asks for runs.
        settlement: says which have ended.
        pace: how fast.
        sleep: waits; tests do not.
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
        self._estimator = estimator
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
        """Drive a replay for a while; one that is not over is woken again for its next turn.

        Args:
            wake_up: what says which, and is ignored if it was answered before.
            seconds: how long at most; a turn is never longer than ``Pace.turn_s``.
            beat: called at each checkpoint, to keep the message that woke us from others.
            receives: how often that message was delivered, this time included.

        Raises:
            Busy: another driver sits there.
            DependencyFailed, or botocore's own: AWS had a bad moment; whoever is woken goes on.
        """
        # Whoever had the message before us may have taken the seat, and died in it.
        after = None if wake_up.attempt is None else wake_up.attempt + receives - 1
        replay = self._replays.claim(wake_up.replay_id, lease_s=self._pace.lease_s, after=after)
        if replay is None:
            return
        end = time.monotonic() + min(seconds, self._pace.turn_s)
        try:
            while True:
                begun, ended = time.monotonic(), replay.ended
                replay, moved = self._step(replay)
                replay = self._checkpoint(replay)
                beat()
                at_rest = _is_at_rest(replay)
                if at_rest or time.monotonic() >= end:
                    if self._replays.leave(replay, at_rest=at_rest):
                        break
                    # Its owner said something in this very moment.
                    replay = self._checkpoint(replay)
                    end = max(end, time.monotonic() + _STEP_S)
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
        """The replay after one more step, and whether anything moved."""
        try:
            if replay.wish == "cancel":
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
        """The replay, ended before its time: what it asked for is not wanted any more."""
        self._replays.drop(replay.replay_id)
        return _over(replay, state, reason)

    def _plan(self, replay: Replay) -> Replay:
        """Look at some more videos."""
        if replay.cursor is None:
            self._examiner.check(replay.request)
        if replay.request.sample is not None and not replay.drawn:
            return self._draw(replay, replay.request.sample)
        tally = Tally(replay.plan, self._estimator)
        cursor, walked, until = replay.cursor, True, time.monotonic() + _STEP_S
        for place, judged in self._examiner.examine(_request(replay), after=cursor):
            if judged:
                tally.add(judged)
            cursor = place
            if time.monotonic() > until:
                walked = False
                break
        replay = replay.model_copy(update={"cursor": cursor, "plan": tally.plan(complete=walked)})
        return self._planned(replay) if walked else replay

    def _draw(self, replay: Replay, size: int) -> Replay:
        """Draw lots among the videos that have something to run: the lowest hashes win.

        ``sampled`` is in the order of the lots while they are being drawn.
        """
        drawn, lot = list(replay.sampled or ()), partial(_lot, replay.replay_id)
        cursor, walked, until = replay.cursor, True, time.monotonic() + _STEP_S
        for place, judged in self._examiner.examine(_request(replay), after=cursor):
            if judged and any(one.verdict in {"run", "reuse"} for one in judged):
                video_id = judged[0].video.video_id
                if video_id not in drawn:
                    insort(drawn, video_id, key=lot)
                    del drawn[size:]
            cursor = place
            if time.monotonic() > until:
                walked = False
                break
        return replay.model_copy(
            update={
                "sampled": drawn,
                "drawn": walked,
                "cursor": None if walked else cursor,
            }
        )

    def _planned(self, replay: Replay) -> Replay:
        """What comes after the plan: nothing to do, a question, or the run."""
        replay = replay.model_copy(update={"state": "planned", "cursor": None})
        return self._begin(replay)

    def _begin(self, replay: Replay) -> Replay:
        if replay.wish != "run":
            return replay
        if not replay.plan.runs:
            return _over(replay, "finished")
        if reason := budget.excess(replay.request, replay.plan.estimate.usd):
            return replay.model_copy(update={"reason": reason})
        return _running(replay).model_copy(update={"started_at": datetime.now(UTC)})

    def _run(self, replay: Replay) -> tuple[Replay, bool]:
        """Settle what has ended, ask for more."""
        before = replay.ended
        replay = self._settlement.settle(replay)
        moved = replay.ended > before
        if replay.wish == "pause":
            return replay.model_copy(update={"state": "paused", "reason": None}), moved
        if replay.state == "paused":
            replay = _running(replay)
        if not replay.walked and len(replay.open) <= self._pace.window / 2:
            chosen = self._choose(replay)
            moved |= chosen.cursor != replay.cursor
            # Written down first: a copy of a request does no harm, a forgotten one would.
            replay = self._checkpoint(chosen)
            if replay.wish != "run":
                return replay, moved  # its owner has just said so
        elif replay.walked and not replay.open:
            return _over(replay, "finished"), True
        return self._ask(replay), moved

    def _choose(self, replay: Replay) -> Replay:
        """Walk on and note the runs to ask for, as many as the window and the budget allow."""
        chosen, cursor, walked = list(replay.open), replay.cursor, True
        known = {(one.video_id, one.stage) for one in chosen}
        progress = dict(replay.progress)
        due, reason, until = budget.due(replay), None, time.monotonic() + _STEP_S
        for place, judged in self._examiner.examine(_request(replay), after=cursor):
            if len(chosen) >= self._pace.window:
                walked = False
                break
            fresh = [one for one in self._opened(replay, judged or ()) if _key(one) not in known]
            due += sum(one.usd for one in fresh)
            if fresh and (reason := budget.excess(replay.request, due)):
                walked = False
                break
            for one in fresh:
                stage = progress.get(one.stage, StageProgress())
                progress[one.stage] = stage.model_copy(update={"asked": stage.asked + 1})
            chosen += fresh
            cursor = place
            # Looked at last: however slow the first batch comes, the walk moves.
            if time.monotonic() > until:
                walked = False
                break
        # While runs are out, they may yet turn out cheaper than was thought.
        state = {"state": "paused", "reason": reason} if reason and not chosen else {}
        return replay.model_copy(
            update={
                "open": chosen,
                "cursor": cursor,
                "walked": walked,
                "progress": progress,
                **state,
            }
        )

    def _opened(self, replay: Replay, judged: Iterable[Judged]) -> Iterator[Open]:
        """The runs to ask for of one video."""
        event_id = replay_event_id(replay.replay_id)
        for one in judged:
            if one.intent is None or one.verdict not in {"run", "reuse"}:
                continue
            if one.video.stages[one.stage].event_id == event_id:
                continue  # it was asked for and has ended; several failures lead to one video
            verdict: Literal["run", "reuse"] = "reuse" if one.verdict == "reuse" else "run"
            usd = 0.0
            if verdict == "run":
                usd = estimated(self._estimator, one, one.intent)[0].usd
            yield Open(
                video_id=one.video.video_id,
                stage=one.stage,
                revision=one.video.revision,
                fingerprint=one.intent.fingerprint,
                verdict=verdict,
                usd=usd,
            )

    def _ask(self, replay: Replay) -> Replay:
        """Ask for what is noted and not asked for yet."""
        due = [one for one in replay.open if not one.asked_at]
        if not due:
            return replay
        self._lanes.ask(replay, due)
        now = time.time()
        asked = [
            one if one.asked_at else one.model_copy(update={"asked_at": now}) for one in replay.open
        ]
        return replay.model_copy(update={"open": asked})


def _lot(replay_id: str, video_id: str) -> bytes:
    return blake2s(f"{replay_id} {video_id}".encode()).digest()


def _key(one: Open) -> tuple[str, str]:
    return one.video_id, one.stage


def _request(replay: Replay) -> ReplayRequest:
    """What is asked for, once the lots are drawn: those videos alone."""
    if not replay.drawn:
        return replay.request
    return replay.request.model_copy(update={"videos": replay.sampled})


def _running(replay: Replay) -> Replay:
    since = {"running_since": datetime.now(UTC), "ended_before": replay.ended}
    return replay.model_copy(update={"state": "running", "reason": None, **since})


def _over(replay: Replay, state: ReplayState, reason: str | None = None) -> Replay:
    now = datetime.now(UTC)
    return replay.model_copy(
        update={"state": state, "reason": reason, "open": [], "finished_at": now}
    )


def _is_at_rest(replay: Replay) -> bool:
    """Whether nothing is to be done until its owner says something."""
    return (
        replay.state in OVER
        or replay.state == "planned"
        # What was lost on its way is asked for when it goes on.
        or (replay.state == "paused" and not any(one.asked_at for one in replay.open))
    )
