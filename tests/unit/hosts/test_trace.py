"""What a worker tells X-Ray of an invocation, and the handler of its trace."""

import json
import re
import socket
from contextlib import closing

import pytest
from aws_xray_sdk.core import xray_recorder

from pipeline.hosts.worker import trace
from pipeline.hosts.worker.trace import Trace
from tests.fakes.lambda_events import TRACE

UNSAMPLED = TRACE.replace("Sampled=1", "Sampled=0")
UNDECIDED = TRACE.replace(";Sampled=1", "")


def message(header):
    return {"Records": [{"attributes": {"AWSTraceHeader": header} if header else {}}]}


@pytest.fixture
def daemon(monkeypatch):
    """Takes segments; gives those that were sent."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
        xray_recorder.emitter.set_daemon_address(address)
        yield lambda: json.loads(listener.recv(65536).partition(b"\n")[2])
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(65536)  # and nothing else was sent


@pytest.fixture
def sampler(monkeypatch):
    """Decides as a test says where nobody else has."""
    decided = []
    monkeypatch.setattr(trace._sampler(), "should_trace", decided.pop)
    yield decided
    assert decided == []


@pytest.mark.parametrize("header", [TRACE, UNSAMPLED])
def test_where_nothing_takes_segments_the_senders_trace_is_passed_on(monkeypatch, header):
    monkeypatch.delenv("AWS_XRAY_DAEMON_ADDRESS", raising=False)
    begun = Trace(message(header), "f")
    assert begun.header == header
    begun.end(failed=False)


@pytest.mark.parametrize("event", [message(None), {"warm_up": True}, {"Records": []}])
def test_where_nothing_takes_segments_no_trace_is_begun(monkeypatch, event):
    monkeypatch.delenv("AWS_XRAY_DAEMON_ADDRESS", raising=False)
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Sampled=0", Trace(event, "f").header)


@pytest.mark.parametrize("failed", [False, True])
def test_a_sampled_message_gets_a_segment_below_its_senders(daemon, failed):
    begun = Trace(message(TRACE), "videodrop-detect")
    begun.end(failed=failed)
    segment = daemon()
    assert begun.header == f"Root={segment['trace_id']};Parent={segment['id']};Sampled=1"
    assert segment["name"] == "videodrop-detect"
    assert f"Root={segment['trace_id']};Parent={segment['parent_id']};Sampled=1" == TRACE
    assert segment["start_time"] <= segment["end_time"]
    assert segment.get("fault", False) is failed
    assert segment["origin"] == "AWS::ECS::Container"


def test_what_its_sender_does_not_want_sampled_is_not(daemon):  # noqa: ARG001 - gets nothing
    begun = Trace(message(UNSAMPLED), "f")
    begun.end(failed=True)
    assert begun.header == UNSAMPLED


@pytest.mark.parametrize("header", [None, UNDECIDED, TRACE.replace("Sampled=1", "Sampled=?")])
def test_where_nobody_has_decided_the_sampler_does(daemon, sampler, header):
    sampler += [False, True]
    Trace(message(header), "f").end(failed=False)
    segment = daemon()
    if header:
        assert header.startswith(f"Root={segment['trace_id']};Parent={segment['parent_id']}")
    else:
        assert "parent_id" not in segment
    begun = Trace(message(header), "f")
    begun.end(failed=False)
    assert "Sampled=1" not in begun.header
