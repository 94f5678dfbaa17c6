"""Whether a request makes sense, told at once instead of by a plan in which nothing works."""

import contextlib

from pipeline.errors import BadInput
from pipeline.planner import Planner
from pipeline.replays.request import ReplayRequest
from pipeline.settings import Settings
from pipeline.stage import load


def check(request: ReplayRequest, settings: Settings) -> None:
    """See that the stages asked for exist and take the parameters given.

    Raises:
        BadInput: ``unknown_stage``; ``bad_option``, naming the parameter.
    """
    known = settings.topology.stages
    for stage in [*(request.stages or []), *request.params]:
        if stage not in known:
            raise BadInput(
                "unknown_stage", f"There is no stage {stage!r}; there are {', '.join(known)}."
            )
    for stage, given in request.params.items():
        # A stage whose code is elsewhere is left to its own host to judge.
        with contextlib.suppress(ModuleNotFoundError):
            Planner(stage, load(known[stage].module), settings).params(given)
