"""Ids of requests, and their measurement by route."""

import logging
from typing import Any

import pytest

from pipeline.telemetry import context, metrics
from tests.fakes.query import Client, FakeCatalog, client, upload, video

_ID = "7d9f0c3e-client-1"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    taken: list[dict[str, str]] = []
    monkeypatch.setattr(metrics, "_sink", lambda _metric, _value, labels: taken.append(labels))
    return taken


def test_an_answer_carries_the_id_that_the_client_gave_its_request():
    assert client().get("/videos", headers={"X-Request-ID": _ID}).headers["X-Request-ID"] == _ID


@pytest.mark.parametrize("given", [{}, {"X-Request-ID": "a b"}, {"X-Request-ID": "x" * 101}])
def test_a_request_without_a_decent_id_is_given_one_of_its_own(given: dict[str, str]):
    api = client()
    ids = {api.get("/videos", headers=given).headers["X-Request-ID"] for _ in range(2)}
    assert len(ids) == 2
    assert all(len(one) == 32 for one in ids)


def test_requests_are_measured_by_route_and_status_and_not_by_address(
    measured: list[dict[str, str]],
):
    one = video(upload())
    api = client(one)
    for path in (f"/videos/{one.video_id}", "/videos/none", "/nowhere"):
        api.get(path)
    assert measured == [
        {"method": "GET", "route": "/videos/{video_id}", "status": "200"},
        {"method": "GET", "route": "/videos/{video_id}", "status": "404"},
        {"method": "GET", "route": "none", "status": "404"},
    ]


def test_methods_that_clients_make_up_are_one(measured: list[dict[str, str]]):
    api = client()
    for method in ("HEAD", "FOO", "BAR"):
        api.request(method, "/videos")
    assert [one["method"] for one in measured] == ["HEAD", "other", "other"]


def test_an_unforeseen_error_is_measured_logged_and_answered_with_the_requests_id(
    measured: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def broken(*_: Any) -> Any:
        logging.getLogger("below").warning("about %s", context.current()["correlation_id"])
        raise RuntimeError

    monkeypatch.setattr(FakeCatalog, "video", broken)
    answer = client().get(f"/videos/{0:020x}", headers={"X-Request-ID": _ID})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, _ID)
    assert [one["status"] for one in measured] == ["500"]
    assert f"about {_ID}" in caplog.messages


def test_metrics_are_served_only_where_they_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    api: Client = client()
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    assert api.get("/metrics").json()["code"] == "no_metrics"
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
