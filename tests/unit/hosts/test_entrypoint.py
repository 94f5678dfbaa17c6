"""What a container becomes, by what its host has set."""

import os
import sys

import pytest

from pipeline import bootstrap
from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.hosts import entrypoint, health, worker
from pipeline.hosts.worker import functions, server
from tests.conftest import forget_process_state


@pytest.fixture(autouse=True)
def _settings_are_read_anew():
    forget_process_state()
    yield
    forget_process_state()


class Became(Exception):
    """What it became; a host would run for ever."""


@pytest.fixture
def observed(monkeypatch):
    """The services as which processes asked to log and count."""
    services = []
    monkeypatch.setattr(bootstrap, "set_up_telemetry", services.append)
    return services


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch, observed):  # noqa: ARG001 - the tests own logging stays
    """What a container becomes ends at once, and says what it is."""

    def become(what):
        def became(*given, **_more):
            raise Became(what, *given)

        return became

    class Worker:
        def __init__(self, settings, chosen, *, grace_s, heartbeat):
            assert heartbeat == health.HEARTBEAT
            assert grace_s == settings.drain_s
            self.chosen = chosen

        def run(self):
            raise Became("worker", *dict.fromkeys(f.name for f in self.chosen), self.chosen)

    monkeypatch.setattr(os, "execv", become("lambda"))
    monkeypatch.setattr("uvicorn.run", become("api"))
    monkeypatch.setattr(server, "serve", become("server"))
    monkeypatch.setattr(worker, "Worker", Worker)


@pytest.fixture
def start(monkeypatch):
    """Starts a container; says what it became."""

    def started(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(Became) as became:
            entrypoint.main(list(arguments))
        return became.value.args

    return started


def test_on_lambda_it_is_the_runtime_client_whatever_else_is_set(start):
    became = start("handlers.janitor.handler", AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001", PORT="8080")
    assert became == (
        "lambda",
        sys.executable,
        [sys.executable, "-m", "awslambdaric", "handlers.janitor.handler"],
    )


def test_with_a_port_it_serves_the_stage_that_is_set(start):
    what, _settings, function, port = start(PORT="8080", VIDEODROP_STAGE="detect")
    assert (what, function.name, function.lane, port) == ("server", "detect", "live", 8080)
    assert function.threads == functions.cores()


@pytest.mark.parametrize("name", ["janitor", "replays"])
def test_with_a_port_it_serves_any_handler_that_takes_events(start, name):
    _what, _settings, function, _port = start(f"handlers.{name}.handler", PORT="80")
    assert (function.name, function.handler) == (name, f"handlers.{name}.handler")


def test_with_a_port_the_query_handler_is_the_api_which_logs_and_counts(start, observed):
    what, app = start("handlers.query.handler", PORT="8080")
    assert (what, app.title, observed) == ("api", "videodrop", ["query"])


@pytest.mark.parametrize("name", ["janitor", "replays"])
def test_an_empty_port_is_none_so_that_the_apis_image_can_poll(start, name):
    assert start(f"handlers.{name}.handler", PORT="")[:-1] == ("worker", name)


def test_otherwise_it_polls_for_its_stage_alone(start):
    *became, hosts = start("handlers.stage.handler", VIDEODROP_STAGE="detect")
    assert became == ["worker", "detect"]
    assert {host.lane for host in hosts} == {"live", "replay"}


@pytest.mark.parametrize("port", [{}, {"PORT": "8080"}])
def test_whoever_hosts_handlers_logs_and_counts_as_its_host_wants(start, observed, port):
    start("handlers.stage.handler", VIDEODROP_STAGE="detect", **port)
    assert observed == ["worker"]


def test_it_polls_for_large_jobs_alone_when_told_to(start):
    environment = {"VIDEODROP_STAGE": "detect", "VIDEODROP_LARGE": '["detect"]'}
    *became, hosts = start("handlers.stage.handler", "--large", **environment)
    assert became == ["worker", "detect"]
    assert {host.lane for host in hosts} == {"large", "large-replay"}


def test_a_worker_without_a_stage_hosts_all_of_them(start):
    assert start()[:-1] == ("worker", *Settings().topology.stages)


def test_a_worker_hosts_the_handler_that_it_is_given(start):
    assert start("handlers.janitor.handler")[:-1] == ("worker", "janitor")


def test_a_region_named_as_lambda_does_reaches_boto3(start, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    start(AWS_REGION="eu-north-1")
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-north-1"


@pytest.mark.parametrize(
    ("arguments", "environment", "code"),
    [
        ([], {"PORT": "8080"}, "no_stage"),
        (["handlers.stage.handler"], {"PORT": "http"}, "bad_port"),
        (["handlers.stage.handler"], {"PORT": "65536"}, "bad_port"),
        (["handlers.stage.handler", "--large"], {"PORT": "8080"}, "large_polls"),
        (["handlers.query.handler"], {}, "unknown_handler"),
        (["videodrop", "worker"], {}, "unknown_handler"),
    ],
)
def test_what_cannot_be_is_refused_in_words(monkeypatch, arguments, environment, code):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingDependency) as refused:
        entrypoint.main(arguments)
    assert refused.value.code == code


@pytest.mark.parametrize("handler", ["handlers.janitor.handler", "handlers.query.handler"])
@pytest.mark.parametrize("port", ["", "8080"])
def test_without_a_region_it_says_so_at_once(monkeypatch, handler, port):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("PORT", port)
    with pytest.raises(MissingDependency, match="Set AWS_REGION") as refused:
        entrypoint.main([handler])
    assert refused.value.code == "no_region"
