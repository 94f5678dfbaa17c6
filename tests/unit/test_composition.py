"""One place reads the environment and puts the parts together."""

import re
from pathlib import Path

import pytest

import pipeline
from pipeline.core.settings import Settings
from pipeline.stages import loading
from pipeline.stages.models import host
from tests.conftest import forget_process_state

SOURCE = Path(pipeline.__file__).parent


def test_settings_are_read_in_bootstrap_alone():
    makers = [
        str(path.relative_to(SOURCE))
        for folder in (SOURCE, SOURCE.parent / "handlers")
        for path in folder.rglob("*.py")
        if re.search(r"\bSettings\(", re.sub(r"class \w+\(.*\)", "", path.read_text()))
    ]
    assert makers == ["bootstrap/process.py"]


@pytest.fixture
def _the_host_is_forgotten():
    yield
    forget_process_state()


@pytest.mark.usefixtures("_the_host_is_forgotten")
def test_a_stage_runs_on_the_host_that_the_settings_describe(monkeypatch, tmp_path):
    for name, value in {
        "THREADS": "3",
        "DEVICE": "cuda:1",
        "MODEL_DIR": str(tmp_path),
        "ENGINES": '{"ultralytics": "8"}',
        "FETCH": "true",
        "MODEL_MIRROR": "https://models.example",
    }.items():
        monkeypatch.setenv(f"VIDEODROP_{name}", value)
    loading.module("thumbnail", Settings())
    assert host.current() == host.ModelHost(
        3, "cuda:1", tmp_path, {"ultralytics": "8"}, fetch=True, mirror="https://models.example"
    )


def test_models_run_without_any_setting(monkeypatch):
    monkeypatch.delenv("VIDEODROP_MODEL_DIR")
    monkeypatch.delenv("VIDEODROP_FETCH")
    assert host.ModelHost().fetch == Settings().fetch
    assert host.ModelHost().model_dir == Settings().model_dir
    assert host.ModelHost().threads == Settings().threads
