"""The process of a container, by the environment of its host."""

import logging
import os
import runpy
import sys
from types import SimpleNamespace

import pytest

from pipeline import bootstrap
from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.hosts import entrypoint, health, prepare, watcher, worker
from pipeline.hosts.worker import functions, server
from tests.conftest import forget_process_state


@pytest.fixture(autouse=True)
def _settings_are_read_anew():
    forget_process_state()
    yield
    forget_process_state()


class Became(Exception):
    """The end of a fake process, with its kind; a real one would not return."""


@pytest.fixture
def observed(monkeypatch):
    """Return the services for which processes set up logs and metrics."""
    services = []
    monkeypatch.setattr(bootstrap, "set_up_telemetry", services.append)
    return services


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch, observed):  # noqa: ARG001 - the tests own logging stays
    """Replace every process by one that ends at once and reports its kind."""

    def become(what):
        def became(*given, **_more):
            raise Became(what, *given)

        return became

    class Worker:
        def __init__(self, settings, chosen, *, grace_s, heartbeat, idle_s):
            assert heartbeat == health.HEARTBEAT
            assert grace_s == settings.drain_s
            assert idle_s == settings.idle_s
            self.chosen = chosen

        def run(self):
            raise Became("worker", *dict.fromkeys(f.name for f in self.chosen), self.chosen)

    monkeypatch.setattr(os, "execv", become("lambda"))

    def listening(address):
        return SimpleNamespace(getsockname=lambda: address)

    def serve(uvicorn, sockets):
        raise Became("api", uvicorn.config.app, *(one.getsockname() for one in sockets))

    monkeypatch.setattr("socket.create_server", listening)
    monkeypatch.setattr("uvicorn.Server.run", serve)
    monkeypatch.setattr(server, "serve", become("server"))
    monkeypatch.setattr(prepare, "main", become("prepare"))
    monkeypatch.setattr(watcher, "main", become("watcher"))
    monkeypatch.setattr(worker, "Worker", Worker)


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts a container and returns the kind of its process."""

    def started(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(Became) as became:
            entrypoint.main(list(arguments))
        return became.value.args

    return started


def test_on_lambda_it_runs_the_runtime_client_with_any_other_variable(start):
    became = start("handlers.janitor.handler", AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001", PORT="8080")
    assert became == (
        "lambda",
        sys.executable,
        [sys.executable, "-m", "awslambdaric", "handlers.janitor.handler"],
    )


def test_with_a_port_it_serves_the_stage_that_is_set(start):
    what, _settings, jobs, port = start(PORT="8080", VIDEODROP_STAGE="detect")
    assert (what, jobs.name, port) == ("server", "detect", 8080)
    assert (jobs._function.lane, jobs._function.threads) == ("live", functions.cores())


@pytest.mark.parametrize(
    ("given", "port"), [({}, 8080), ({"SAGEMAKER_BIND_TO_PORT": "9000"}, 9000)]
)
def test_sagemakers_argument_serves_the_stage_that_is_set(start, given, port):
    what, _settings, jobs, bound = start("serve", VIDEODROP_STAGE="detect", **given)
    assert (what, jobs.name, bound) == ("server", "detect", port)


@pytest.mark.parametrize(
    ("arguments", "environment", "least", "most"),
    [([], {"PORT": "8080"}, 5, 10), (["serve"], {}, 15, 30)],
)
def test_a_job_is_given_back_before_its_host_kills_it(
    monkeypatch, arguments, environment, least, most
):
    graces = []
    monkeypatch.setattr(server, "serve", lambda *_, grace_s: graces.append(grace_s))
    for name, value in (environment | {"VIDEODROP_STAGE": "detect"}).items():
        monkeypatch.setenv(name, value)
    entrypoint.main(arguments)
    assert least < graces[0] < most


@pytest.mark.parametrize("name", ["janitor", "replays", "events"])
def test_with_a_port_it_serves_any_handler_that_takes_events(start, name):
    _what, _settings, jobs, _port = start(f"handlers.{name}.handler", PORT="80")
    assert (jobs.name, jobs._function.handler) == (name, f"handlers.{name}.handler")


def test_with_a_port_the_query_handler_is_the_api_which_logs_and_counts(start, observed):
    what, app, address = start("handlers.query.handler", PORT="8080")
    assert (what, app.title, observed) == ("api", "videodrop", ["query"])
    assert address == ("0.0.0.0", 8080)  # noqa: S104 - not bound


def test_a_worker_hosts_several_handlers(start):
    given = (f"handlers.{name}.handler" for name in ("janitor", "replays", "events"))
    assert start(*given)[:-1] == ("worker", "janitor", "replays", "events")


@pytest.mark.parametrize("name", ["janitor", "replays", "events"])
def test_an_empty_port_counts_as_unset_so_that_the_apis_image_can_poll(start, name):
    assert start(f"handlers.{name}.handler", PORT="")[:-1] == ("worker", name)


def test_otherwise_it_polls_for_its_stage_alone(start):
    *became, hosts = start("handlers.stage.handler", VIDEODROP_STAGE="detect")
    assert became == ["worker", "detect"]
    assert {host.lane for host in hosts} == {"live", "replay"}


@pytest.mark.parametrize("port", ["", "8080"])
@pytest.mark.parametrize(("task", "kind"), [("prepare", "prepare"), ("watch-bucket", "watcher")])
def test_two_words_stand_for_processes_without_a_handler(start, observed, task, kind, port):
    assert start(task, PORT=port)[0] == kind
    assert observed == [task]


@pytest.mark.parametrize("port", [{}, {"PORT": "8080"}])
def test_every_host_of_handlers_sets_up_logs_and_metrics(start, observed, port):
    start("handlers.stage.handler", VIDEODROP_STAGE="detect", **port)
    assert observed == ["worker"]


def test_a_worker_without_a_stage_hosts_all_of_them(start):
    assert start()[:-1] == ("worker", *Settings().topology.stages)


def test_a_worker_hosts_all_stages_that_it_is_given(start):
    assert start(VIDEODROP_STAGE="detect,transcribe")[:-1] == ("worker", "transcribe", "detect")


def test_a_worker_that_cannot_serve_ends_as_failed(monkeypatch):
    monkeypatch.setattr(worker.Worker, "run", lambda _: False)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as ended:
        entrypoint.main(["handlers.janitor.handler"])
    assert ended.value.code == 1


def test_a_worker_hosts_the_handler_that_it_is_given(start):
    assert start("handlers.janitor.handler")[:-1] == ("worker", "janitor")


def test_a_region_named_as_lambda_does_reaches_boto3(start, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for region in ("eu-north-1", "eu-west-1"):  # what boto3 has been told already stays
        start(AWS_REGION=region)
        assert os.environ["AWS_DEFAULT_REGION"] == "eu-north-1"


@pytest.mark.parametrize(
    ("arguments", "environment", "code"),
    [
        ([], {"PORT": "8080"}, "no_stage"),
        ([], {"PORT": "8080", "VIDEODROP_STAGE": "detect,transcribe"}, "no_stage"),
        (["handlers.stage.handler"], {"PORT": "http"}, "bad_port"),
        (["handlers.stage.handler"], {"PORT": "65536"}, "bad_port"),
        (["handlers.query.handler"], {}, "unknown_handler"),
        (["videodrop", "worker"], {}, "unknown_handler"),
    ],
)
def test_an_invalid_setting_is_rejected_with_a_message(monkeypatch, arguments, environment, code):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingDependency) as rejected:
        entrypoint.main(arguments)
    assert rejected.value.code == code


def test_an_invalid_setting_ends_a_container_with_its_message(monkeypatch, caplog):
    monkeypatch.setattr(sys, "argv", ["entrypoint", "videodrop"])
    requests = logging.getLogger("botocore")
    before = requests.level
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(entrypoint.__file__, run_name="__main__")
        assert requests.level == logging.WARNING, "it would log each request"
    finally:
        requests.setLevel(before)
    assert ended.value.code == 1
    assert "videodrop takes no events from queues" in caplog.text


@pytest.mark.parametrize("handler", ["handlers.janitor.handler", "handlers.query.handler"])
@pytest.mark.parametrize("port", ["", "8080"])
def test_a_missing_region_is_rejected_at_once(monkeypatch, handler, port):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("PORT", port)
    with pytest.raises(MissingDependency, match="Set AWS_REGION") as rejected:
        entrypoint.main([handler])
    assert rejected.value.code == "no_region"
