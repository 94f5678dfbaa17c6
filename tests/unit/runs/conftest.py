"""One long video in ranges, without AWS, queues or processes; see ``Film``."""

from pathlib import Path

import pytest

from pipeline.core.settings import Settings
from tests.conftest import topology_with
from tests.fakes.film import STAGE, Film
from tests.fakes.rig import probe_anything


@pytest.fixture
def film_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings of an installation whose only stage has ranges."""
    path = topology_with({STAGE: "tests.fakes.rangestage"}, tmp_path / "topology.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    monkeypatch.setattr("pipeline.runs.execute.probe", probe_anything)
    monkeypatch.setattr("pipeline.runs.manifest.ffmpeg.version", lambda: "none")
    monkeypatch.setattr("pipeline.runs.heartbeat._TICK_S", 600)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Settings(scratch=scratch)


@pytest.fixture
def film(film_settings: Settings) -> Film:
    return Film(film_settings)
