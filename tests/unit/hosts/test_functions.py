"""The functions that a worker hosts."""

import os

import pytest

from pipeline.core.errors import InvalidArgument
from pipeline.core.settings import Settings
from pipeline.hosts.worker import Worker, hosted

OTHERS = [("janitor", "live"), ("replays", "live"), ("events", "live"), ("events", "webhooks")]


@pytest.fixture
def cores(monkeypatch):
    return lambda n: monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n)))


def test_everything_in_the_topology_is_hosted():
    settings = Settings()
    topology = settings.topology
    functions = {(function.name, function.lane): function for function in hosted(settings)}
    stages = [(name, lane) for name in topology.stages for lane in ("live", "replay")]
    assert list(functions) == [*stages, *OTHERS]
    for name, lane in stages:
        function, spec = functions[name, lane], topology.stages[name]
        assert function.handler == "handlers.stage.handler"
        lease = str(settings.lease_s)  # as long as the worker hides a message that it receives
        assert function.env == {"VIDEODROP_STAGE": name, "VIDEODROP_REDELIVERY_S": lease}
        assert function.timeout_s == settings.worker_timeout_s == 36000
        assert function.memory_mb == spec.memory_mb
        assert function.gpu == spec.gpu
    janitor, driver = functions["janitor", "live"], functions["replays", "live"]
    assert janitor.handler == "handlers.janitor.handler"
    assert janitor.every_s == topology.janitor.every_s
    assert driver.handler == "handlers.replays.handler"
    assert driver.every_s is None
    assert driver.timeout_s == topology.replays.timeout_s
    assert driver.memory_mb == topology.replays.memory_mb
    for lane in ("live", "webhooks"):
        told = functions["events", lane]
        assert told.handler == "handlers.events.handler"
        assert told.is_temporary is (lane == "webhooks")
        assert not told.replays, "webhooks do not wait for runs"
        assert told.timeout_s == topology.events.timeout_s
        assert told.memory_mb == topology.events.memory_mb


def test_functions_can_be_hosted_by_name():
    named = [(function.name, function.lane) for function in hosted(Settings(), ["detect"])]
    assert named == [("detect", "live"), ("detect", "replay")]
    assert [function.name for function in hosted(Settings(), ["replays"])] == ["replays"]


def test_a_setting_limits_the_time_of_stages(monkeypatch):
    monkeypatch.setenv("VIDEODROP_WORKER_TIMEOUT_S", "7200")
    functions = hosted(Settings(), ["detect", "janitor"])
    limits = {(one.name, one.lane): one.timeout_s for one in functions}
    janitor_s = Settings().topology.janitor.timeout_s
    assert limits == {
        ("detect", "live"): 7200,
        ("detect", "replay"): 7200,
        ("janitor", "live"): janitor_s,
    }


@pytest.mark.parametrize("children", [0, 1, 3])
def test_replays_have_a_concurrency_of_their_own(monkeypatch, children):
    monkeypatch.setenv("VIDEODROP_REPLAY_CONCURRENCY", str(children))
    live, replay = hosted(Settings(), ["detect"], 2)
    assert live.concurrency == 2
    assert replay.concurrency == children


@pytest.mark.parametrize(
    ("machine", "names", "concurrency", "threads"),
    [(16, None, 1, 4), (16, ["detect"], 1, 16), (16, None, 2, 2), (2, None, 1, 1)],
)
def test_cores_are_split_among_hosted_children(cores, machine, names, concurrency, threads):
    cores(machine)
    functions = hosted(Settings(), names, concurrency)
    assert {f.threads for f in functions if f.name in Settings().topology.stages} == {threads}


def test_a_name_that_is_not_in_the_topology_is_rejected():
    with pytest.raises(InvalidArgument, match="detekt") as raised:
        Worker(Settings(), ["detekt"])
    assert raised.value.code == "unknown_stage"
