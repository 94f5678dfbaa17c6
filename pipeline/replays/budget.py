"""What a replay may cost."""

from pipeline.replays.records import Replay
from pipeline.replays.request import ReplayRequest


def due(replay: Replay) -> float:
    """What has been spent, and what will be once all that is out has ended; USD."""
    return replay.spent.usd + sum(one.usd for one in replay.open)


def excess(request: ReplayRequest, usd: float) -> str | None:
    """Why ``usd`` may not be spent, if it may not."""
    if request.budget_usd is None or usd <= request.budget_usd:
        return None
    return (
        f"It would come to {usd:.4f} USD, and the budget is {request.budget_usd:.4f}. Resume it "
        "with a larger one, or cancel it."
    )


def refusal(replay: Replay, request: ReplayRequest) -> str | None:
    """Why a replay that waits cannot go on as ``request`` says, if it cannot."""
    if replay.state == "planned":
        return excess(request, replay.plan.estimate.usd)
    # Nothing else pauses a replay with a reason.
    if replay.state == "paused" and replay.reason and request == replay.request:
        return replay.reason
    return None
