"""The walk over a replay's videos, in steps of about a second."""

import time
from bisect import insort
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import blake2s
from typing import Literal

from pipeline.core.events import replay_event_id
from pipeline.costs.estimator import Estimator
from pipeline.replays import budget
from pipeline.replays.examiner import Examiner
from pipeline.replays.records import Open, Replay, StageProgress
from pipeline.replays.request import ReplayRequest
from pipeline.replays.tally import Tally, estimated
from pipeline.replays.verdict import Judged

STEP_S = 1.0
"""Longest time that a step examines further videos, after which the driver writes a checkpoint."""


class Walker:
    """Walks a replay's videos to draw a random sample, to plan, and to choose runs.

    Each of the three is done in steps. A step continues at the replay's cursor.

    Args:
        examiner: judges the stages of each video.
        estimator: estimates the cost of runs.
        window: most runs that a replay has open at once.
    """

    def __init__(self, examiner: Examiner, estimator: Estimator, *, window: int) -> None:
        self._examiner = examiner
        self._estimator = estimator
        self._window = window

    def plan(self, replay: Replay) -> Replay:
        """Add further videos to the plan."""
        tally, walk = Tally(replay.plan, self._estimator), self._walk(replay)
        for judged in walk:
            if judged:
                tally.add(judged)
        plan = tally.plan(complete=walk.complete)
        return replay.model_copy(update={"cursor": walk.cursor, "plan": plan})

    def draw(self, replay: Replay, size: int) -> Replay:
        """Draw a random sample of the videos that have something to run: the lowest hashes.

        ``sampled`` is in the order of the hashes until the sample is complete.
        """
        drawn, hash_ = list(replay.sampled or ()), partial(_hash, replay.replay_id)
        walk = self._walk(replay)
        for judged in walk:
            if any(one.verdict in {"run", "reuse"} for one in judged):
                video_id = judged[0].video.video_id
                if video_id not in drawn:
                    insort(drawn, video_id, key=hash_)
                    del drawn[size:]
        cursor = None if walk.complete else walk.cursor
        return replay.model_copy(
            update={"sampled": drawn, "drawn": walk.complete, "cursor": cursor}
        )

    def choose(self, replay: Replay) -> Replay:
        """Choose further runs to request, as many as the window and the budget allow."""
        chosen, progress = list(replay.open), dict(replay.progress)
        known = {(one.video_id, one.stage) for one in chosen}
        due, reason = budget.due(replay), None
        walk = self._walk(replay)
        for judged in walk:
            if len(chosen) >= self._window:
                break
            fresh = [
                one
                for one in self._opened(replay, judged)
                if (one.video_id, one.stage) not in known
            ]
            due += sum(one.usd for one in fresh)
            if fresh and (reason := budget.excess(replay.request, due)):
                break
            for one in fresh:
                stage = progress.get(one.stage, StageProgress())
                progress[one.stage] = stage.model_copy(update={"asked": stage.asked + 1})
            chosen += fresh
        # Open runs may still turn out cheaper than estimated.
        state = {"state": "paused", "reason": reason} if reason and not chosen else {}
        moved = {"cursor": walk.cursor, "walked": walk.complete}
        return replay.model_copy(update={"open": chosen, "progress": progress, **moved, **state})

    def _walk(self, replay: Replay) -> "_Walk":
        return _Walk(self._examiner, _request(replay), after=replay.cursor)

    def _opened(self, replay: Replay, judged: Iterable[Judged]) -> Iterator[Open]:
        """Yield the runs of one video to request."""
        event_id = replay_event_id(replay.replay_id)
        for one in judged:
            if one.intent is None or one.verdict not in {"run", "reuse"}:
                continue
            # A worker whose clock is slow records a new failure at a place still to be walked.
            # Shadow runs are recorded elsewhere and move no video's place.
            if one.video.stages[one.stage].event_id == event_id:
                continue
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


class _Walk:
    """The videos of one step, each as its judged stages; empty where a video is not selected.

    Attributes:
        cursor: place of the last video that was handled. A video at which the loop is left by
            ``break`` comes again.
        complete: True once no video is left.
    """

    def __init__(self, examiner: Examiner, request: ReplayRequest, *, after: str | None) -> None:
        self._examined = examiner.examine(request, after=after)
        self.cursor = after
        self.complete = False

    def __iter__(self) -> Iterator[list[Judged]]:
        until = time.monotonic() + STEP_S
        for place, judged in self._examined:
            yield judged or []
            self.cursor = place
            # Checked last: the walk advances even if the first batch is slow.
            if time.monotonic() > until:
                return
        self.complete = True


def _request(replay: Replay) -> ReplayRequest:
    """Return the request, limited to the random sample once that is complete."""
    if not replay.drawn:
        return replay.request
    return replay.request.model_copy(update={"videos": replay.sampled})


def _hash(replay_id: str, video_id: str) -> bytes:
    return blake2s(f"{replay_id} {video_id}".encode()).digest()
