"""The sum of verdicts by stage, which is the plan of a replay."""

from collections import Counter
from collections.abc import Iterable

from pipeline.core.planner import Intent
from pipeline.core.records import Estimate
from pipeline.costs.estimator import Estimator
from pipeline.replays.records import Plan, StagePlan, Verdict
from pipeline.replays.verdict import Judged

# All reasons are in one item of the table, which may have 400 KB.
_REASONS = 20
_LONGEST = 300
_OTHER = "other reasons"


class Tally:
    """A growing plan.

    Args:
        plan: the plan so far.
        estimator: estimates the cost of each run.
    """

    def __init__(self, plan: Plan, estimator: Estimator) -> None:
        self._estimator = estimator
        self._videos = plan.videos
        self._stages = {stage: _Row(known) for stage, known in plan.stages.items()}

    def add(self, judged: Iterable[Judged]) -> None:
        """Count one more video."""
        self._videos += 1
        for one in judged:
            row = self._stages.setdefault(one.stage, _Row(StagePlan()))
            row.verdicts[one.verdict] += 1
            if one.because and one.verdict in {"run", "reuse", "blocked", "hopeless"}:
                because = one.because[:_LONGEST]
                named = because in row.because or len(row.because) < _REASONS
                row.because[because if named else _OTHER] += 1
            if one.verdict == "run" and one.intent is not None:
                estimate, measured = estimated(self._estimator, one, one.intent)
                row.estimate += estimate
                row.measured += measured

    def plan(self, *, complete: bool) -> Plan:
        """Return the plan so far."""
        return Plan(
            videos=self._videos,
            stages={stage: row.plan() for stage, row in self._stages.items()},
            prices=self._estimator.prices.title,
            complete=complete,
        )


def estimated(estimator: Estimator, judged: Judged, intent: Intent) -> tuple[Estimate, bool]:
    """Return the estimate of one run, and True if it is based on recorded run times."""
    return estimator.estimate(judged.stage, intent.identity, intent.version, judged.video)


class _Row:
    def __init__(self, plan: StagePlan) -> None:
        self.verdicts: Counter[Verdict] = Counter(plan.verdicts)
        self.because = Counter(plan.because)
        self.estimate = plan.estimate
        self.measured = plan.measured

    def plan(self) -> StagePlan:
        return StagePlan(
            verdicts=dict(self.verdicts),
            because=dict(self.because.most_common()),
            estimate=self.estimate,
            measured=self.measured,
        )
