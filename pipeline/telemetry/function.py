"""Logs, metrics and traces around a handler."""

import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from pipeline.core.settings import Settings
from pipeline.telemetry import cold_start, logs, metrics, names, tracing
from pipeline.telemetry.tracing import Handler


def observed(function: str, settings: Settings) -> Callable[[Handler], Handler]:
    """What makes a handler log, count and be traced as its host wants it.

    Args:
        function: a stage, ``janitor``, ``replays`` or ``query``.
        settings: of this process.
    """
    return partial(_observe, function=function, settings=settings)


def set_up(service: str, settings: Settings) -> Callable[[Handler], Handler]:
    """Log and count as this process's host wants it.

    Args:
        service: what this process is.
        settings: of this process.

    Returns:
        What puts the host's own facts (request id, cold start) into a handler's log lines.
    """
    if settings.telemetry == "local":
        logs.readable()
        return lambda handler: handler
    from pipeline.telemetry import emf  # noqa: PLC0415 - Powertools is not there elsewhere

    metrics.use(emf.sink(settings.name))
    logger = logs.as_json(service)
    return logger.inject_lambda_context


def _observe(handler: Handler, *, function: str, settings: Settings) -> Handler:
    if cold_start.hosted():
        handler = tracing.traced(set_up(function, settings)(handler), function)
    cold_start.end()
    # Lambda starts provisioned executions before there is anything to do: nobody waits for them.
    cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

    @wraps(handler)
    def run(event: dict[str, Any], context: Any) -> Any:
        nonlocal cold
        if cold:
            cold = False
            metrics.record(names.COLD_STARTS, function=function)
        return handler(event, context)

    return run
