"""Run times: kept by two implementations of DynamoDB, and used by the estimator."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog, timings
from pipeline.aws.catalog.timings import Totals
from pipeline.core.errors import MissingDependency
from pipeline.core.media_info import Probe
from pipeline.core.records import Estimate, Video
from pipeline.core.settings import Settings
from pipeline.costs.price_table import DEFAULT_PATH as PRICES
from pipeline.runs.delivery import Outcome
from tests.fakes import aws_events
from tests.fakes.rig import Rig, upload_of
from tests.fakes.timing import MODEL, record, result


def test_a_run_is_recorded_with_its_code_its_models_and_its_cost(catalog: Catalog):
    record(catalog, result(1.25, 10, gpu_seconds=1.25, bytes_out=10**12))
    (timing,) = catalog.timings.all()
    assert (timing.month, timing.stage, timing.version, timing.identity) == (
        "2026-11",
        "toy",
        "1",
        MODEL,
    )
    assert timing.totals.model_dump() == pytest.approx(
        {
            "runs": 1,
            "seconds": 1.25,
            "cpu_seconds": 2.5,
            "gpu_seconds": 1.25,
            "media_seconds": 10,
            "bytes_in": 1000,
            "bytes_out": 10**12,
            "files": 2,
        }
    )


def test_a_run_that_is_recorded_again_counts_once(catalog: Catalog):
    one = result(1, prefix="artifacts/one/")
    record(catalog, one)
    record(catalog, one)
    assert [timing.totals.runs for timing in catalog.timings.all()] == [1]


def test_many_runs_alike_leave_a_sample_of_limited_size():
    rows = {row["sk"]: row for row in map(timings.row, map(result, range(1000)))}
    assert len(rows) == 64
    assert median(row["seconds"] for row in rows.values()) > 900, "they are the latest"


@pytest.mark.parametrize(
    "other",
    [
        {"stage": "twin"},
        {"version": "2"},
        {"identity": {"model": "tiny", "sha256": "01"}},
        {"identity": {}},
    ],
)
def test_runs_that_differ_are_kept_apart(catalog: Catalog, other: Mapping[str, Any]):
    record(catalog, result(1, prefix="artifacts/one/"), result(5, prefix="artifacts/one/", **other))
    assert sorted(timing.totals.seconds for timing in catalog.timings.all()) == [1, 5]


def test_the_latest_month_comes_first(catalog: Catalog):
    for month in (9, 11, 10):
        record(catalog, result(1, month=month))
    months = [timing.month for timing in catalog.timings.all()]
    assert months == ["2026-11", "2026-10", "2026-09"]


@pytest.fixture
def asked(catalog: Catalog) -> list[str]:  # noqa: ARG001 - its table
    """Record requests to DynamoDB from here on."""
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    table = aws.table(bootstrap.settings().names.table)
    table.meta.client.meta.events.register("before-call.dynamodb", note)
    return calls


def test_all_is_read_by_one_query(catalog: Catalog, asked: list[str]):
    for number in range(12):
        record(catalog, result(1, version=str(number)))
    asked.clear()
    assert len(list(catalog.timings.all())) == 12
    assert asked == ["Query"]


# -- what the runner records ---------------------------------------------------------------------


def totals(rig: Rig) -> Totals | None:
    recorded = [timing.totals for timing in rig.catalog.timings.all()]
    return sum(recorded[1:], recorded[0]) if recorded else None


def test_a_computed_run_is_recorded_and_a_reused_one_is_not(rig: Rig):
    body = rig.put(b"content")
    assert rig.handle(body) is Outcome.SUCCEEDED
    recorded, cost = totals(rig), rig.state(body).current_result.cost
    assert recorded == Totals(runs=1, **cost.model_dump())
    assert (cost.files, cost.bytes_in, cost.media_seconds) == (1, 7, 1)
    assert rig.reprocess(body, "other", text="x") is Outcome.SUCCEEDED
    assert rig.reprocess(body, "back", reset=True) is Outcome.REUSED
    assert rig.handle(body) is Outcome.CURRENT
    assert totals(rig).runs == 2


def test_a_shadow_run_is_recorded(rig: Rig):
    body = rig.put()
    rig.handle(body)
    event = json.loads(aws_events.reprocess(upload_of(body).video_id, "toy", {"text": "x"}))
    event["detail"]["shadow"] = True
    assert rig.handle(json.dumps(event)) is Outcome.SUCCEEDED
    assert rig.state(body).current_result.params["text"] == "hello"
    assert totals(rig).runs == 2


def test_a_run_that_failed_is_not_recorded(rig: Rig):
    def run(*_: Any) -> None:
        raise MissingDependency("no_tool", "It is not there.")

    rig.stage.run_ = run
    assert rig.handle(rig.put()) is Outcome.FAILED
    assert totals(rig) is None


@pytest.mark.parametrize("held", [True, False])
def test_gpu_seconds_are_those_of_a_run_that_held_one(
    rig: Rig,
    monkeypatch: pytest.MonkeyPatch,
    held: bool,  # noqa: FBT001 - pytest passes parameters by name
):
    cuda = SimpleNamespace(is_initialized=lambda: held)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    body = rig.put()
    rig.handle(body)
    cost = rig.state(body).current_result.cost
    assert cost.gpu_seconds == (cost.seconds if held else 0)


# -- what is expected after that -----------------------------------------------------------------


def lasting(video: Video, media_seconds: float) -> Video:
    probe = Probe(container="mov", duration_s=media_seconds, size_bytes=1)
    return video.model_copy(update={"probe": probe})


def test_runs_like_those_recorded_are_expected_within_some_percent(
    toys: Settings, catalog: Catalog
):
    """Record runs of 0.3 s a second of video, within a tenth; expect the same of the next ones."""
    upload = upload_of(aws_events.created())
    catalog.record_upload(upload, patience_s=3600)
    video = catalog.video(upload.video_id)
    lengths = [5 + 7 * number % 60 for number in range(20)]
    for number, length in enumerate(lengths):
        taken = 0.3 * length * (1.1 if number % 2 else 0.9)
        record(catalog, result(taken, length, gpu_seconds=taken))
    estimator = bootstrap.estimator(toys)
    expected = [estimator.estimate("toy", MODEL, "1", lasting(video, n)) for n in lengths]
    assert all(measured for _, measured in expected)
    whole = sum((estimate for estimate, _ in expected), Estimate())
    assert whole.seconds == pytest.approx(0.3 * sum(lengths), rel=0.03)
    assert whole.gpu_seconds == pytest.approx(whole.seconds)


def test_estimates_name_the_price_table_that_is_set(stored: Settings, tmp_path: Path):
    path = tmp_path / "prices.json"
    path.write_bytes(PRICES.read_bytes().replace(b"us-east-1", b"eu-west-1"))
    estimator = bootstrap.estimator(stored.model_copy(update={"prices_path": path}))
    assert "eu-west-1" in estimator.prices.title
