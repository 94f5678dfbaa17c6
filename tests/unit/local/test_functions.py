"""What a worker hosts."""

import os

import pytest

from pipeline.errors import MissingDependency
from pipeline.settings import Settings
from pipeline.worker import Worker, hosted


@pytest.fixture
def cores(monkeypatch):
    return lambda n: monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n)))


def test_everything_in_the_topology_is_hosted():
    settings = Settings()
    functions = {function.name: function for function in hosted(settings)}
    assert list(functions) == [*settings.topology.stages, "janitor"]
    for name, spec in settings.topology.stages.items():
        assert functions[name].handler == "handlers.stage.handler"
        assert functions[name].env == {"VIDEODROP_STAGE": name}
        assert functions[name].timeout_s == spec.timeout_s
        assert functions[name].memory_mb == spec.memory_mb
        assert functions[name].replays
    assert functions["janitor"].handler == "handlers.janitor.handler"
    assert functions["janitor"].every_s == settings.topology.janitor.every_s
    assert not functions["janitor"].replays


@pytest.mark.parametrize(
    ("machine", "names", "concurrency", "threads"),
    [(16, None, 1, 4), (16, ["detect"], 1, 16), (16, None, 2, 2), (2, None, 1, 1)],
)
def test_cores_are_split_among_hosted_children(cores, machine, names, concurrency, threads):
    cores(machine)
    functions = hosted(Settings(), names, concurrency)
    assert {f.threads for f in functions if f.name != "janitor"} == {threads}


def test_a_name_that_is_not_in_the_topology_is_refused():
    with pytest.raises(MissingDependency, match="detekt") as raised:
        Worker(Settings(), ["detekt"])
    assert raised.value.code == "unknown_stage"
