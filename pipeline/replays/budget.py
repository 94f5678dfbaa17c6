"""The limit on the cost of a replay."""

from pipeline.core.errors import InvalidArgument
from pipeline.replays.records import Replay
from pipeline.replays.request import MOST_USD, ReplayRequest


def changed(request: ReplayRequest, usd: float) -> ReplayRequest:
    """Return ``request`` with another budget.

    Raises:
        InvalidArgument: ``bad_budget``.
    """
    if not 0 <= usd <= MOST_USD:  # NaN, too, is rejected
        raise InvalidArgument("bad_budget", f"A budget is a number from 0 to {MOST_USD:.0f} USD.")
    return request.model_copy(update={"budget_usd": usd})


def capped(request: ReplayRequest, most_usd: float | None) -> ReplayRequest:
    """Return ``request`` with a budget of ``most_usd`` at most, which is that of one without any.

    Raises:
        InvalidArgument: ``budget_above_limit``.
    """
    if most_usd is None:
        return request
    if request.budget_usd is None:
        return request.model_copy(update={"budget_usd": min(most_usd, MOST_USD)})
    if request.budget_usd > most_usd:
        raise InvalidArgument(
            "budget_above_limit",
            f"The budget is {request.budget_usd:g} USD, and this installation allows a replay "
            f"{most_usd:g} at most. Give a smaller one, or select fewer videos at a time; its "
            "operator can raise VIDEODROP_MAX_REPLAY_USD.",
        )
    return request


def due(replay: Replay) -> float:
    """Return the USD spent so far, plus the estimate of all open runs."""
    return replay.spent.usd + sum(one.usd for one in replay.open)


def excess(request: ReplayRequest, usd: float) -> str | None:
    """Return a message if ``usd`` exceeds the budget, else None."""
    if request.budget_usd is None or usd <= request.budget_usd:
        return None
    return (
        f"It would cost {usd:.4f} USD, and the budget is {request.budget_usd:.4f}. Resume it "
        "with a larger one, or cancel it."
    )


def rejection(replay: Replay, request: ReplayRequest) -> str | None:
    """Return why a waiting replay cannot run with this ``request``; None if it can."""
    if replay.state == "planned":
        return excess(request, replay.plan.estimate.usd)
    # Only the budget pauses a replay with a reason.
    if replay.state == "paused" and replay.reason and request == replay.request:
        return replay.reason
    return None
