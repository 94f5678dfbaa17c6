"""Logs, metrics and traces around a handler."""

import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from pipeline.core.settings import Settings
from pipeline.telemetry import cold_start, logs, metrics, names, tracing
from pipeline.telemetry.tracing import Handler


def observed(function: str, settings: Settings) -> Callable[[Handler], Handler]:
    """Return a decorator that adds logs, metrics and traces to a handler.

    Args:
        function: a stage, ``janitor``, ``replays`` or ``query``.
        settings: the settings of this process.
    """
    return partial(_observe, function=function, settings=settings)


def set_up(service: str, settings: Settings) -> Callable[[Handler], Handler]:
    """Set up logs and metrics of this process.

    Args:
        service: name of this process in logs.
        settings: the settings of this process.

    Returns:
        A decorator that adds the host's fields (request id, cold start) to a handler's log lines.
    """
    if settings.telemetry == "local":
        logs.readable()
        return lambda handler: handler
    from pipeline.telemetry import emf  # noqa: PLC0415 - Powertools is installed on AWS only

    metrics.use(emf.sink(settings.name))
    logger = logs.as_json(service)
    return logger.inject_lambda_context


def _observe(handler: Handler, *, function: str, settings: Settings) -> Handler:
    if cold_start.hosted():
        handler = tracing.traced(set_up(function, settings)(handler), function)
    cold_start.end()
    # Lambda initialises provisioned executions in advance: no event waits for them.
    cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

    @wraps(handler)
    def run(event: dict[str, Any], context: Any) -> Any:
        nonlocal cold
        if cold:
            cold = False
            metrics.record(names.COLD_STARTS, function=function)
        return handler(event, context)

    return run
