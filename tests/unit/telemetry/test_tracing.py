"""The spans around a handler, sent to a collector on loopback."""

import os
from types import SimpleNamespace

import pytest

from pipeline.telemetry import context, tracing
from tests.fakes import otlp
from tests.fakes.lambda_events import TRACE

CONTEXT = SimpleNamespace(aws_request_id="r1")


@pytest.fixture
def collector(monkeypatch):
    made, set_up = [], tracing._set_up

    def kept(service):
        made.append(set_up(service))
        return made[-1]

    monkeypatch.setattr(tracing, "_set_up", kept)
    monkeypatch.setattr(tracing, "_tracer", None)
    with otlp.collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        yield collector
        for provider in made:
            provider.shutdown()


def header(_event, _context):
    return os.environ["_X_AMZN_TRACE_ID"]


def test_without_a_collector_a_handler_is_unchanged():
    assert tracing.traced(header, "toy") is header
    with tracing.span("run"):
        tracing.annotate(outcome="failed")
        tracing.record_error(ValueError())


def test_what_a_handler_sends_goes_on_below_its_own_span(collector, monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    told = tracing.traced(header, "toy")({}, CONTEXT)
    (span,) = collector.until("toy")
    assert told == f"Root=1-{span.trace_id[:8]}-{span.trace_id[8:]};Parent={span.span_id};Sampled=1"
    assert f"Root=1-{span.trace_id[:8]}-{span.trace_id[8:]};Parent={span.parent_id}" in TRACE
    assert span.attributes == {"faas.invocation_id": "r1"}
    assert os.environ["_X_AMZN_TRACE_ID"] == TRACE


def test_a_trace_begins_where_none_is_given_and_ends_with_its_invocation(collector, monkeypatch):
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    handler = tracing.traced(header, "toy")
    handler({}, CONTEXT)
    handler({}, CONTEXT)
    first, second = collector.until("toy")
    assert (first.parent_id, first.trace_id != second.trace_id) == ("", True)
    assert "_X_AMZN_TRACE_ID" not in os.environ


@pytest.mark.parametrize("name", ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"])
def test_the_environment_names_the_service(collector, monkeypatch, name):
    monkeypatch.setenv(name, "mine" if name == "OTEL_SERVICE_NAME" else "service.name=mine")
    tracing.traced(header, "toy")({}, CONTEXT)
    (span,) = collector.until("toy")
    assert (span.name, span.service) == ("toy", "mine")


def test_an_error_that_a_handler_raises_is_recorded_and_raised(collector):
    def handler(_event, _context):
        with context.about(stage="toy"), tracing.span("run toy"):
            raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        tracing.traced(handler, "toy")({}, CONTEXT)
    run, invocation = collector.until("toy")
    assert (run.attributes, run.parent_id) == ({"stage": "toy"}, invocation.span_id)
    assert (run.failed, run.events, invocation.failed) == (True, ["exception"], True)
