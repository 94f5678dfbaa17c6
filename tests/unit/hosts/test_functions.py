"""The functions that a worker hosts."""

import os

import pytest

from pipeline.core.errors import InvalidArgument
from pipeline.core.settings import Settings
from pipeline.hosts.worker import Worker, functions, hosted

OTHERS = [("janitor", "live"), ("replays", "live"), ("events", "live"), ("events", "webhooks")]


@pytest.fixture
def cores(monkeypatch, tmp_path):
    """Return a function that sets the cores of this machine, and the limit of its control group."""

    def of(machine, limit="max 100000"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(machine)))
        monkeypatch.setattr(functions, "_CPU_MAX", tmp_path / "cpu.max")
        (tmp_path / "cpu.max").write_text(f"{limit}\n")

    return of


def test_everything_in_the_topology_is_hosted():
    settings = Settings()
    topology = settings.topology
    found = {(function.name, function.lane): function for function in hosted(settings)}
    stages = [(name, lane) for name in topology.stages for lane in ("live", "replay")]
    assert list(found) == [*stages, *OTHERS]
    for name, lane in stages:
        function, spec = found[name, lane], topology.stages[name]
        assert function.handler == "handlers.stage.handler"
        lease = str(settings.lease_s)  # as long as the worker hides a message that it receives
        assert function.env == {"VIDEODROP_STAGE": name, "VIDEODROP_REDELIVERY_S": lease}
        assert function.timeout_s == settings.worker_timeout_s == 36000
        assert function.memory_mb == spec.memory_mb
        assert function.gpu == spec.gpu
    janitor, driver = found["janitor", "live"], found["replays", "live"]
    assert janitor.handler == "handlers.janitor.handler"
    assert janitor.every_s == topology.janitor.every_s
    assert driver.handler == "handlers.replays.handler"
    assert driver.every_s is None
    assert driver.timeout_s == topology.replays.timeout_s
    assert driver.memory_mb == topology.replays.memory_mb
    for lane in ("live", "webhooks"):
        told = found["events", lane]
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
    found = hosted(Settings(), ["detect", "janitor"])
    limits = {(one.name, one.lane): one.timeout_s for one in found}
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
    found = hosted(Settings(), names, concurrency)
    assert {f.threads for f in found if f.name in Settings().topology.stages} == {threads}


@pytest.mark.parametrize(
    ("limit", "threads"),
    [("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("9900000 100000", 64)],
)
def test_a_container_has_as_many_threads_as_its_limit_of_cpu_time(cores, limit, threads):
    cores(64, limit)
    assert hosted(Settings(), ["detect"])[0].threads == functions.cores() == threads


@pytest.mark.parametrize("lane", ["live", "replay"])
def test_a_setting_chooses_one_lane_of_the_stages(monkeypatch, lane):
    monkeypatch.setenv("VIDEODROP_LANE", lane)
    found = [(one.name, one.lane) for one in hosted(Settings(), ["detect", "events"])]
    assert found == [("detect", lane), ("events", "live"), ("events", "webhooks")]


def test_a_name_that_is_not_in_the_topology_is_rejected():
    with pytest.raises(InvalidArgument, match="detekt") as raised:
        Worker(Settings(), ["detekt"])
    assert raised.value.code == "unknown_stage"
