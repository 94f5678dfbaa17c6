import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.core.setting_types import SignIn
from pipeline.core.settings import Settings
from pipeline.core.topology import DEFAULT_PATH


def test_the_defaults_are_complete():
    settings = Settings()
    assert settings.topology_path == DEFAULT_PATH
    assert settings.names.uploads_bucket == "videodrop-uploads"
    assert settings.names.table == "videodrop"
    assert settings.limits.max_bytes == settings.max_bytes


def test_stage_parameters_are_set_one_by_one_or_as_json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VIDEODROP_PARAMS", '{"detect": {"confidence": 0.4}}')
    monkeypatch.setenv("VIDEODROP_PARAMS__TRANSCRIBE__MODEL", "turbo")
    monkeypatch.setenv("VIDEODROP_PARAMS__DETECT__MAX_BOXES", "7")
    assert Settings().params == {
        "detect": {"confidence": 0.4, "max_boxes": "7"},
        "transcribe": {"model": "turbo"},
    }


def test_the_prefix_names_everything_and_buckets_can_be_overridden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VIDEODROP_NAME", "films")
    monkeypatch.setenv("VIDEODROP_UPLOADS_BUCKET", "inbox")
    names = Settings().names
    assert (names.uploads_bucket, names.artifacts_bucket) == ("inbox", "films-artifacts")
    assert (names.table, names.bus, names.queue("detect", "dlq")) == (
        "films",
        "films",
        "films-detect-dlq",
    )


def test_another_topology_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "topology.json"
    path.write_bytes(DEFAULT_PATH.read_bytes().replace(b'"detect"', b'"spot"'))
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(path))
    assert "spot" in Settings().topology.stages


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASE_S", "2"),
        ("MAX_ATTEMPTS", "0"),
        ("THREADS", "none"),
        ("THREADS", "0"),
        ("REPLAY_CONCURRENCY", "-1"),
        ("REDELIVERY_S", "0"),
        ("DRAIN_S", "-1"),
        ("STREAM_S", "-1"),
        ("WATCH_S", "0"),  # looks through the bucket would follow without a pause
        ("IDLE_S", "0"),
        ("PRESIGN_S", "1"),
        ("PRESIGN_S", "604801"),
        ("WORKER_TIMEOUT_S", "43200"),  # SQS would show the message to another worker
        ("PUSH_TOKEN", ""),  # an empty secret must not allow everybody
        ("PUSH_TOKEN", "15-characters.."),
        ("NOTIFY_TOKEN", "15-characters.."),
        ("CORS_ORIGINS", '["*"]'),
        ("CORS_ORIGINS", '["null"]'),
        ("CORS_ORIGINS", '["https://*.example"]'),
        ("PUBLIC_ORIGINS", '["https://films.example/"]'),  # no browser sends it in this form
        ("PUBLIC_ORIGINS", '["https://Films.example"]'),
        ("HOSTS", '["films.example:8080"]'),
        ("REPLAY_WINDOW", "1001"),  # a replay is one item, whose size is limited
        ("OLD_UPLOADS_DAYS", "0"),
        ("MAX_REPLAY_USD", "0"),
        ("MAX_BYTES", "0"),  # no file would be accepted
        ("MAX_DURATION_S", "0"),
        ("MAX_PIXELS", "0"),
        ("MAX_STREAMS", "0"),
    ],
)
def test_an_invalid_setting_is_rejected(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"VIDEODROP_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_terraform_knows_the_time_limit_of_workers():
    text = (Path(__file__).parents[3] / "infra" / "locals.tf").read_text()
    (default,) = re.findall(r'"VIDEODROP_WORKER_TIMEOUT_S", (\d+)\)', text)
    assert int(default) == Settings().worker_timeout_s


def test_a_secret_may_end_with_a_line_break_and_is_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VIDEODROP_PUSH_TOKEN", "a-token-of-32-characters-or-more\n")
    settings = Settings()
    assert settings.push_token
    assert settings.push_token.get_secret_value() == "a-token-of-32-characters-or-more"
    assert "a-token" not in f"{settings!r} {settings.model_dump_json()}"
    monkeypatch.setenv("VIDEODROP_API_TOKEN", "a-token-of-32-characters-or-more\n")
    token = Settings().api_token
    assert token
    assert token.get_secret_value() == "a-token-of-32-characters-or-more"


def test_the_sign_in_is_set_as_terraform_sets_it(monkeypatch: pytest.MonkeyPatch):
    known = {"authorize": "https://a.example/x?y=z", "token": "https://a.example/t"}
    monkeypatch.setenv("VIDEODROP_SIGN_IN", json.dumps(known | {"client_id": "c", "scope": "s"}))
    assert Settings().sign_in == SignIn(**known, client_id="c", scope="s")


@pytest.mark.parametrize(
    "wrong", [{"authorize": "javascript:alert(1)"}, {"authorize": "//a.example"}, {"secret": "s"}]
)
def test_a_sign_in_that_a_page_must_not_use_is_rejected(wrong: dict[str, str]):
    known = {"authorize": "https://a.example", "token": "https://a.example", "client_id": "c"}
    assert SignIn.model_validate(known)
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        SignIn.model_validate(known | wrong)


@pytest.mark.parametrize(
    "token",
    ["//a.example/t", "https://*.example", "https://a; script-src *", "https://a,b", "https://a?b"],
)
def test_an_address_that_would_change_the_pages_policy_is_rejected(token: str):
    with pytest.raises(ValidationError, match="token"):
        SignIn(authorize="https://a.example", token=token, client_id="c")
