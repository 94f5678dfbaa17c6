"""Replays in memory, with a driver that a test defines."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pipeline.core.errors import Conflict, NotFound
from pipeline.core.records import Estimate
from pipeline.replays.records import OVER, Plan, Replay, StagePlan, StageProgress
from pipeline.replays.request import ReplayRequest

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPLAY_ID = "20260301T120000-0a1b2c"


def plan(**given: Any) -> Plan:
    """Return a plan to compute detect of two hundred videos."""
    detect = StagePlan(
        verdicts={"run": 200, "reuse": 3},
        because={"confidence: 0.25 → 0.4": 200},
        estimate=Estimate(seconds=600, gpu_seconds=300, bytes_out=2_000_000, usd=0.4),
        measured=180,
    )
    rest = StagePlan(verdicts={"current": 200, "left_out": 2, "hopeless": 1})
    fields = {
        "videos": 203,
        "stages": {"transcode": rest, "detect": detect},
        "prices": "us-east-1, 2026-02-01",
        "complete": True,
    }
    return Plan(**fields | given)


def replay(**given: Any) -> Replay:
    fields = {
        "replay_id": REPLAY_ID,
        "created_at": START,
        "updated_at": START,
        "request": ReplayRequest(params={"detect": {"confidence": 0.4}}),
        "state": "planned",
        "plan": plan(),
    }
    return Replay(**fields | given)


def finished(**ended: int) -> Replay:
    return replay(
        state="finished",
        started_at=START,
        finished_at=START,
        progress={
            "detect": StageProgress(
                asked=sum(ended.values()),
                ended=ended,
                spent=Estimate(seconds=500, gpu_seconds=250, bytes_out=1_000_000, usd=0.3),
            )
        },
    )


class FakeReplays:
    """A fake of ``pipeline.replays.store.Replays`` for a replay's owner.

    Args:
        known: existing replays.
        driver: receives a replay at each read, and returns its new state.
    """

    def __init__(
        self, *known: Replay, driver: Callable[[Replay], Replay] = lambda replay: replay
    ) -> None:
        self.known = {one.replay_id: one for one in known}
        self.driver = driver
        self.started: list[ReplayRequest] = []
        self.asked: list[tuple[str, str, float | None]] = []
        self.read = 0
        self.at_work: set[str] = set()

    def driven(self) -> set[str]:
        return self.at_work

    def start(self, request: ReplayRequest) -> Replay:
        self.started.append(request)
        desired = "plan" if request.dry_run else "run"
        started = replay(request=request, state="planning", desired_state=desired, plan=Plan())
        self.known[started.replay_id] = started
        return started

    def get(self, replay_id: str) -> Replay | None:
        self.read += 1
        if replay_id in self.known:
            self.known[replay_id] = self.driver(self.known[replay_id])
        return self.known.get(replay_id)

    def newest(self, *, before: str | None = None, at_once: int = 0) -> Iterator[Replay]:
        del at_once
        for replay_id in sorted(self.known, reverse=True):
            if before is None or replay_id < before:
                yield self.known[replay_id]

    def ask(self, replay_id: str, desired: Any, *, budget_usd: float | None = None) -> Replay:
        self.asked.append((replay_id, desired, budget_usd))
        if replay_id not in self.known:
            raise NotFound("unknown_replay", f"There is no replay {replay_id}.")
        found = self.known[replay_id]
        if found.state in OVER:
            raise Conflict("replay_over", f"Replay {replay_id} is {found.state}.")
        self.known[replay_id] = found.model_copy(update={"desired_state": desired})
        return self.known[replay_id]


def moves(**update: Any) -> Callable[[Replay], Replay]:
    """Return a driver that sets these fields of any replay."""
    return lambda one: one.model_copy(update=update)
