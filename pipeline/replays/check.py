"""The check of a request before anything is planned by it."""

import contextlib
import json
from typing import Any

from pipeline.core.errors import InvalidArgument
from pipeline.core.planner import Planner
from pipeline.core.settings import Settings
from pipeline.core.stage import load
from pipeline.replays.request import ReplayRequest

_MOST_BYTES = 8192  # of parameters: they travel with every event, ten to a call of at most 256 KiB


def check(request: ReplayRequest, settings: Settings) -> None:
    """Check that the stages asked for exist and take the parameters given.

    Raises:
        InvalidArgument: ``unknown_stage``; ``bad_option``, naming the parameter.
    """
    _fits_an_event(request.params)
    known = settings.topology.stages
    for stage in [*(request.stages or []), *request.params]:
        if stage not in known:
            raise InvalidArgument(
                "unknown_stage", f"There is no stage {stage!r}; there are {', '.join(known)}."
            )
    for stage, given in request.params.items():
        # A stage whose code is not on this host is checked on its own host.
        with contextlib.suppress(ModuleNotFoundError):
            Planner(stage, load(known[stage].module), settings).params(given)


def _fits_an_event(params: dict[str, Any]) -> None:
    try:
        size = len(json.dumps(params, ensure_ascii=False, allow_nan=False).encode())
    except ValueError as error:
        raise InvalidArgument(
            "bad_option", "params contains a number or a character that JSON does not support."
        ) from error
    if size > _MOST_BYTES:
        raise InvalidArgument(
            "bad_option", f"params is {size:,} bytes long; at most {_MOST_BYTES:,}."
        )
