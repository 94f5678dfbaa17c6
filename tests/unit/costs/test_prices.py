"""The price of a run, compared with figures computed by hand from the pages' prices."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.costs.price_table import DEFAULT_PATH
from pipeline.costs.run_price import Prices


def table(tmp_path: Path, **changes: Any) -> Path:
    """Return the price table with other values: ``assumed__market="spot"``."""
    raw = json.loads(DEFAULT_PATH.read_bytes())
    for path, value in changes.items():
        *outer, last = path.split("__")
        place = raw
        for name in outer:
            place = place[name]
        place[last] = value
    target = tmp_path / "prices.json"
    target.write_text(json.dumps(raw))
    return target


def near(usd: float) -> Any:
    return pytest.approx(usd, rel=1e-4)


def test_the_table_names_region_month_currency_and_pages():
    prices = Prices.read()
    assert prices.title == "AWS list prices, us-east-1, USD, 2025-01, 9 of 41 confirmed"
    raw = json.loads(DEFAULT_PATH.read_bytes())
    services = [value for value in raw.values() if isinstance(value, dict) and "source" in value]
    assert len(services) == 12
    assert all("https://aws.amazon.com/" in one["source"] for one in services)
    assert all("https://" in one["source"] for one in raw["managed"])
    assert "from memory" in prices.note
    assert "check them" in prices.note


def test_every_price_says_what_it_rests_on():
    lines = {line.what: line for line in Prices.read().lines()}
    confirmed = lines["sqs: million_requests"]
    assert (confirmed.usd, confirmed.as_of) == (0.4, "2026-03")
    assert (confirmed.source or "").startswith("https://")
    # Nobody has looked these up.
    memory = lines["s3: gb_month"]
    assert (memory.usd, memory.as_of, memory.source) == (0.023, "2025-01", None)
    assert lines["OpenAI whisper-1: minute"].usd == 0.006
    assert lines["gpu_instances: hour.g5.xlarge.on_demand"].source


def test_a_run_on_lambda_costs_its_memory_for_its_time_and_a_request():
    # 100 s of 4 GB: 400 GB-seconds for 0.00666668 USD, and one request for 0.0000002 USD.
    assert Prices.read().compute(4096, 100, 0) == near(0.00666688)


def test_arm_is_cheaper(tmp_path: Path):
    prices = Prices.read(table(tmp_path, assumed__architecture="arm64"))
    # 100 s of 2 GB at 0.0000133334 USD.
    assert prices.compute(2048, 100, 0) == near(0.00266688)


def test_a_run_that_held_a_gpu_costs_the_instances_time(tmp_path: Path):
    # Half an hour of a g4dn.xlarge; nothing is paid for Lambda.
    assert Prices.read().compute(6144, 1800, 1800) == near(0.263)
    spot = table(tmp_path, assumed__market="spot", assumed__gpu_instance="g6.xlarge")
    assert Prices.read(spot).compute(6144, 1800, 1800) == near(0.175)


def test_runs_of_which_some_held_a_gpu_are_priced_by_their_shares():
    # 100 s of 1 GB on Lambda with a request, 36 s of a g4dn.xlarge.
    assert Prices.read().compute(1024, 136, 36) == near(0.00166667 + 0.0000002 + 0.00526)
    # Two clocks may differ by a little.
    assert Prices.read().compute(1024, 35.9, 36) == near(0.00526)


def test_artifacts_cost_their_requests_and_a_month():
    # 999 files and the manifest: 1000 PUTs for 0.005; 3 GETs for 0.0000012; 10 GiB for 0.23.
    assert Prices.read().storage(999, 10 * 2**30) == near(0.2350012)


def test_messages_cost_an_event_and_the_queues_requests():
    # One event: 0.000001. Sent, received, deleted, and 200 / 20 heartbeats: 13 requests.
    assert Prices.read().messages(200) == near(0.000001 + 13 * 0.0000004)
    # 20 s: one heartbeat.
    assert Prices.read().messages(20) == near(0.000001 + 4 * 0.0000004)


def test_records_cost_reads_and_writes():
    # 8 reads for 0.000001; 19 + 5 * 10 + 3 * 20 = 129 writes for 0.000080625.
    assert Prices.read().records(200) == near(0.000081625)
    # 20 s: progress is written every 5 s.
    assert Prices.read().records(20) == near(0.000001 + (19 + 5 + 3 * 4) * 0.000000625)


def test_a_run_costs_all_of_it():
    prices = Prices.read()
    whole = prices.run(memory_mb=4096, seconds=200, gpu_seconds=0, files=9, bytes_out=2**30)
    # Lambda 0.01333356, S3 0.0230512, messages 0.0000062, records 0.000080375.
    assert whole == near(0.036471335)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"assumed__gpu_instance": "p5.48xlarge"}, "no hour of p5.48xlarge"),
        (
            {"gpu_instances__hour": {"g4dn.xlarge": {"spot": 1}}, "gpu_instances__checked": {}},
            "no hour of g4dn.xlarge",
        ),
        ({"lambda__gb_second": {"arm64": 1}, "lambda__checked": {}}, "no gb_second for x86_64"),
        ({"lambda__gb_second": {"x86_64": 1}, "lambda__checked": {}}, "no gb_second for arm64"),
        ({"lambda__provisioned_gb_second": {"arm64": 1}}, "no provisioned_gb_second for x86_64"),
        ({"gpu_instances__vcpus": {}}, "no vcpus of g4dn.xlarge"),
        ({"gpu_instances__vcpus": {"g4dn.xlarge": 0}}, "vcpus"),
        ({"s3__gb_month": -1}, "gb_month"),
        ({"sqs__million_requests": math.inf}, "million_requests"),
        ({"sqs__per_thousand": 1}, "per_thousand"),
        ({"sqs__checked": {"hour": {"as_of": "2026-03", "source": "x"}}}, "no price for hour"),
        ({"sqs__checked": {"million_requests": {"as_of": "now", "source": "x"}}}, "as_of"),
        ({"currency": "EUR"}, "currency"),
        ({"as_of": "lately"}, "as_of"),
    ],
)
def test_a_table_that_cannot_be_right_is_rejected(
    tmp_path: Path, changes: dict[str, Any], complaint: str
):
    with pytest.raises(MissingDependency, match=complaint) as caught:
        Prices.read(table(tmp_path, **changes))
    assert caught.value.code == "bad_prices"


def test_another_table_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert Settings().prices_path == DEFAULT_PATH
    path = table(tmp_path, region="eu-central-1")
    monkeypatch.setenv("VIDEODROP_PRICES", str(path))
    assert Prices.read(Settings().prices_path).region == "eu-central-1"


def test_a_table_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(MissingDependency, match=r"VIDEODROP_PRICES.*nowhere\.json"):
        Prices.read(tmp_path / "nowhere.json")
