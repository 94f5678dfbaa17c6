"""One place reads the environment and puts the parts together."""

import re
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

import pipeline
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.bootstrap import services
from pipeline.core.pool import Pool
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


@pytest.fixture
def no_client(monkeypatch):
    """Make no client of AWS."""
    monkeypatch.setattr(aws, "client", lambda _: MagicMock())
    monkeypatch.setattr(aws, "table", lambda _: MagicMock())


@pytest.mark.usefixtures("no_client")
def test_what_settings_limit_is_limited():
    settings = Settings(
        lease_s=66, max_replay_usd=2.5, old_uploads_days=9, presign_s=77, redelivery_s=88
    )
    for addresses in (bootstrap.originals(settings), bootstrap.artifacts(settings)):
        assert addresses._presign_s == 77
    assert bootstrap.receiver(settings).parts._lasts_s == 77
    assert bootstrap.replays(settings)._most_usd == 2.5
    deletions = bootstrap.deletions(settings)
    assert (deletions._lease_s, deletions._kept.days) == (66, 9)
    janitor = bootstrap.janitor(settings)
    assert janitor._grace_s == 88
    assert janitor._check == settings.check_place
    assert janitor._deletions is not None
    within_s = janitor._merge_index.keywords["within_s"]
    assert within_s == settings.topology.janitor.timeout_s / 4, "it has other tasks"


@pytest.mark.usefixtures("no_client")
def test_a_driver_has_the_window_and_the_lease_of_the_settings(monkeypatch):
    monkeypatch.setattr(services, "estimator", lambda _: None)
    monkeypatch.setattr(services.loading, "module", lambda *_: MagicMock())
    pace = bootstrap.driver(Settings(replay_window=7, lease_s=66))._pace
    assert (pace.window, pace.lease_s) == (7, 66)


@pytest.mark.usefixtures("no_client")
def test_webhooks_on_this_machine_are_allowed_by_a_setting_alone():
    for allowed in (False, True):
        deliverer = bootstrap.webhooks(Settings(private_webhooks=allowed))._deliverer
        assert deliverer.private is allowed


@pytest.mark.usefixtures("no_client")
def test_files_come_from_s3_itself_unless_settings_name_another_way():
    assert bootstrap.store(Settings()) is None
    assert bootstrap.artifacts(Settings())._cdn is None
    cdn = {"domain": "d1.cloudfront.net", "key_id": "K1", "key_parameter": "key"}
    assert bootstrap.artifacts(Settings(cdn=cdn))._cdn is not None


@pytest.mark.usefixtures("no_client")
def test_messages_of_every_function_can_be_redriven_and_those_of_stages_end_runs():
    settings = Settings()
    stages = tuple(settings.topology.stages)
    functions = (*stages, "janitor", "replays", "events")
    assert bootstrap.redrive(settings)._queues.functions == functions
    assert bootstrap.janitor(settings)._dead_letters.__self__.functions == stages


@pytest.mark.usefixtures("no_client")
def test_hosts_are_started_for_messages_that_wait_in_queues_that_are_not_paused(monkeypatch):
    monkeypatch.setattr(services, "counts", lambda _: SimpleNamespace(waiting=3))
    pool = Pool(queue="pool", definition="worker", stages=("detect",), max_hosts=1)
    wake = services._host_pool(Settings(pool=pool), known := MagicMock())
    assert wake.__self__._waiting("detect", "replay") == 3
    assert wake.__self__._paused == known.pauses.all


@pytest.mark.usefixtures("no_client")
def test_a_runner_drops_the_requests_of_replays_that_were_cancelled(monkeypatch):
    given = {}
    monkeypatch.setattr("pipeline.runs.runner.Runner", lambda *_, **more: given.update(more))
    monkeypatch.setattr(services.loading, "module", lambda *_: None)
    bootstrap.runner("detect", Settings())
    assert given["cancelled"].__func__ is type(bootstrap.replays(Settings())).cancelled


@pytest.mark.usefixtures("_the_host_is_forgotten")
def test_a_mistyped_setting_is_logged_by_each_process(monkeypatch, capsys):
    monkeypatch.setenv("VIDEODROP_LEASES", "1")
    bootstrap.set_up_telemetry("worker")
    assert "VIDEODROP_LEASES is not a setting" in capsys.readouterr().err
