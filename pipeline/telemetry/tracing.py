"""Traces by OpenTelemetry: a span for each invocation of a handler, and one for each run within.

Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` or ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`` names a
collector, which takes spans by OTLP over HTTP. Without it nothing of the SDK is imported. All else
follows OpenTelemetry's own variables:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/

X-Ray's header in ``_X_AMZN_TRACE_ID`` names the parent of an invocation, on Lambda and on a worker.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from pipeline.telemetry import context

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

Handler = Callable[[dict[str, Any], Any], Any]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
# An invocation waits for its export, at most this long. The SDK's default is 10.
_TIMEOUT_S = 2.0
_PARENT = "_X_AMZN_TRACE_ID"
_HEADER = "X-Amzn-Trace-Id"

_tracer: "Tracer | None" = None


def configured() -> bool:
    """Return whether the environment names a collector."""
    return any(os.environ.get(name) for name in _ENDPOINTS)


def traced(handler: Handler, service: str) -> Handler:
    """Wrap ``handler`` in a span for each invocation; without a collector, return it as it is.

    Args:
        handler: the handler to trace.
        service: name of the service in traces, unless ``OTEL_SERVICE_NAME`` sets another.
    """
    if not configured():
        return handler
    from opentelemetry.propagators.aws import AwsXRayPropagator  # noqa: PLC0415 - see above
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - see above

    provider = _set_up(service)
    tracer = provider.get_tracer(__name__)
    propagator = AwsXRayPropagator()

    @wraps(handler)
    def run(event: dict[str, Any], context: Any) -> Any:
        given = os.environ.get(_PARENT)
        parent = propagator.extract({_HEADER: given} if given else {})
        kind = SpanKind.CONSUMER if "Records" in event else SpanKind.SERVER
        try:
            with tracer.start_as_current_span(
                service, parent, kind, {"faas.invocation_id": context.aws_request_id}
            ):
                # botocore sends this header with each call, so messages continue this trace.
                carrier: dict[str, str] = {}
                propagator.inject(carrier)
                os.environ[_PARENT] = carrier[_HEADER]
                return handler(event, context)
        finally:
            if given is None:
                os.environ.pop(_PARENT, None)
            else:
                os.environ[_PARENT] = given
            # Lambda freezes this process until the next invocation, and a worker may kill it.
            provider.force_flush()

    return run


@contextmanager
def span(name: str) -> Iterator[None]:
    """Trace the block as a child of the current span, with the fields of the thread's context.

    An exception raised in the block is recorded.
    """
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, attributes=dict(context.current())):
        yield


def annotate(**attributes: str) -> None:
    """Set attributes of the current span."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span  # noqa: PLC0415 - see above

        get_current_span().set_attributes(attributes)


def record_error(error: BaseException) -> None:
    """Record an error that ended the current span's work without leaving its block."""
    if _tracer is not None:
        from opentelemetry.trace import StatusCode, get_current_span  # noqa: PLC0415 - see above

        current = get_current_span()
        current.record_exception(error)
        current.set_status(StatusCode.ERROR, str(error))


def _set_up(service: str) -> "TracerProvider":
    """Make the provider of this process.

    OpenTelemetry's global provider is not set: FastAPI's own spans would go there, which contain
    signed URLs, and take their parents from requests' headers.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - see above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import (  # noqa: PLC0415 - see above
        OTELResourceDetector,
        Resource,
    )
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see above

    global _tracer  # noqa: PLW0603 - one a process, as metrics' sink is
    known = Resource.create({"service.name": service, "service.namespace": "videodrop"})
    provider = TracerProvider(resource=known.merge(OTELResourceDetector().detect()))
    timeout = None if any(os.environ.get(name) for name in _TIMEOUTS) else _TIMEOUT_S
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=timeout)))
    _tracer = provider.get_tracer(__name__)
    return provider
