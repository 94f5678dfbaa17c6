"""The metrics of a new stack."""

import os
from pathlib import Path

import pytest

from pipeline.core.settings import Settings
from pipeline.hosts.local.stack import Stack


def test_a_new_stack_deletes_the_metrics_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("PROMETHEUS_MULTIPROC_DIR", "VIDEODROP_BEATS"):
        monkeypatch.setenv(name, "elsewhere")
    counts = tmp_path / "metrics"
    counts.mkdir()
    (counts / "counter_1.db").touch()
    Stack(Settings(home=tmp_path))._reset_signs()
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(counts)
    assert list(counts.iterdir()) == []
