"""The trace of an invocation, begun as the Lambda service begins it: with a segment of its own.

The handler's tracer (``pipeline.telemetry.tracing``) hangs its subsegments below the segment that
the trace header names. On Lambda the service sends that one; here nobody else would. It goes to
``AWS_XRAY_DAEMON_ADDRESS``, where X-Ray's daemon, or CloudWatch's agent in its place, takes it by
UDP; without that nothing is traced.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import os
import time
import uuid
from functools import cache
from typing import TYPE_CHECKING

from pydantic import JsonValue

from pipeline.aws.messages import trace_header

if TYPE_CHECKING:
    from aws_xray_sdk.core.models.segment import Segment
    from aws_xray_sdk.core.sampling.local.sampler import LocalSampler


def taken() -> bool:
    """Whether there is anything that takes segments."""
    return "AWS_XRAY_DAEMON_ADDRESS" in os.environ


class Trace:
    """What one invocation adds to a trace.

    Args:
        event: what the handler gets; a message in it may belong to a trace.
        name: of the function, as Lambda would call it.

    Attributes:
        header: what the handler is told of the trace, in the form of X-Ray's header.
    """

    def __init__(self, event: JsonValue, name: str) -> None:
        sent = _sent(event)
        self._segment = _begin(name, sent) if taken() else None
        if self._segment:
            self.header = f"Root={self._segment.trace_id};Parent={self._segment.id};Sampled=1"
        else:
            self.header = sent or f"Root={_root()};Sampled=0"

    def end(self, *, failed: bool) -> None:
        """Send the segment, if there is one.

        Args:
            failed: the handler did not return, or raised.
        """
        if self._segment is None:
            return
        from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - see _begin

        if failed:
            self._segment.add_fault_flag()
        self._segment.close()
        xray_recorder.emitter.send_entity(self._segment)


def _sent(event: JsonValue) -> str | None:
    """The trace that whoever sent the message began.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
    """
    match event:
        case {"Records": [{"attributes": dict(attributes)}]}:
            return trace_header(attributes)
    return None


def _root() -> str:
    return f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"


def _begin(name: str, sent: str | None) -> "Segment | None":
    """A segment, if the sender wants this sampled, or nobody has decided and the sampler does."""
    # Costs 0.1 s to import, and is not there wherever nothing takes segments.
    from aws_xray_sdk.core.models.segment import Segment  # noqa: PLC0415 - see above
    from aws_xray_sdk.core.models.trace_header import TraceHeader  # noqa: PLC0415 - see above

    known = TraceHeader.from_header_str(sent)
    if not (known.sampled if known.sampled in {0, 1} else _sampler().should_trace()):
        return None
    segment = Segment(name, traceid=known.root, parent_id=known.parent)
    segment.origin = "AWS::ECS::Container"
    return segment


@cache
def _sampler() -> "LocalSampler":
    """X-Ray's own default, as Lambda has it: the first invocation of each second, 5 % of others."""
    from aws_xray_sdk.core.sampling.local.sampler import LocalSampler  # noqa: PLC0415 - see above

    return LocalSampler()
