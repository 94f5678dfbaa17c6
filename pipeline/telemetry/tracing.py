"""Traces on AWS: X-Ray, by Powertools' tracer, around handlers and the calls to AWS within.

Lambda, or the worker in its place, decides which invocations are sampled: it says so in the trace
header, which it takes over from who sent the message or the request. The X-Ray SDK costs 0.1 s to
import, so that waits for the first invocation that is sampled, or for the snapshot that the
function will start from.
"""

import os
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Tracer

Handler = Callable[[dict[str, Any], Any], Any]


def traced(handler: Handler, service: str) -> Handler:
    """``handler``, with a subsegment of its own for each sampled invocation.

    Args:
        handler: what to trace.
        service: which function this is.
    """
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        tracer(service)

    @wraps(handler)
    def run(event: dict[str, Any], context: Any) -> Any:
        if not _is_sampled():
            return handler(event, context)
        # What the API answers holds signed URLs: no business of a trace.
        capture = tracer(service).capture_lambda_handler(handler, capture_response=False)
        return capture(event, context)

    return run


@cache
def tracer(service: str) -> "Tracer":
    """This process's tracer; from now on calls by boto3 are subsegments, too."""
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 - see above

    return Tracer(service=service, patch_modules=("botocore",))


def _is_sampled() -> bool:
    # Where Lambda is, for which our own images' entry point says so, or a worker beside which
    # something takes traces (``worker.trace``).
    return "LAMBDA_TASK_ROOT" in os.environ and "Sampled=1" in os.environ.get(
        "_X_AMZN_TRACE_ID", ""
    )
