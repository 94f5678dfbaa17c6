"""Replays without AWS, queues or processes; see ``house``."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.core.settings import Settings
from tests.conftest import topology_with
from tests.fakes.installation import STAGES, House, probe_anything


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> House:
    path = topology_with(
        dict.fromkeys(STAGES, "tests.fakes.toystage"), tmp_path / "topology.json", only=True
    )
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    monkeypatch.setattr("pipeline.runs.execute.probe", probe_anything)
    monkeypatch.setattr("pipeline.runs.manifest.ffmpeg.version", lambda: "none")
    # A step ends after a second of real time, and would be cut short on a busy machine.
    monkeypatch.setattr("pipeline.replays.walker.time", SimpleNamespace(monotonic=lambda: 0.0))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return House(Settings(scratch=scratch))
