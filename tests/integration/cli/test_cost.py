"""cost: with a pipeline, without one, and with other prices."""

import json
import re
from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.core.topology import Topology
from pipeline.costs.price_table import DEFAULT_PATH
from tests.fakes.timing import record, result

ROOT = Path(__file__).parents[3]


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """Make sure that no pipeline is found."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path))


@pytest.mark.usefixtures("alone")
def test_without_a_pipeline_it_rests_on_guesses(cli):
    ended = cli("cost", "--json")
    assert (ended.code, ended.err) == (0, "")
    paces = {pace["stage"]: pace for pace in ended.json["paces"]}
    stages = Topology.read().stages
    assert {stage: pace["cpu"] for stage, pace in paces.items()} == {
        stage: spec.guess.seconds_per_media_second for stage, spec in stages.items()
    }
    assert not any(pace["cpu_runs"] for pace in paces.values())
    assert "2025-01" in ended.json["prices"]
    assert "check them" in ended.json["note"]


def test_recorded_run_times_are_used_where_a_pipeline_can_be_reached(cli, toys):
    record(bootstrap.catalog(toys), result(20, 50, files=10, bytes_out=5000))
    ended = cli("cost", "--json", "--minutes", "5", "--videos-per-day", "8640", "--peak", "2")
    (pace,) = ended.json["paces"]
    assert (pace["cpu"], pace["files"], pace["cpu_runs"]) == (0.4, 0.2, 1)
    (load,) = ended.json["loads"]
    assert (load["seconds"], load["arrivals"]) == (pytest.approx(120), pytest.approx(0.2))
    shown = cli("cost")
    assert "1 runs; GPU a guess" in shown.out


def test_a_pipeline_that_does_not_answer_is_told_of_and_done_without(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path))
    ended = cli("cost")
    assert ended.code == 0
    assert "No recorded run times: AWS could not be reached" in ended.err
    assert "a guess" in ended.out


@pytest.mark.usefixtures("alone")
def test_other_prices_can_be_named(cli, tmp_path):
    table = json.loads(DEFAULT_PATH.read_bytes())
    table["region"] = "eu-central-1"
    table["cloudwatch"]["dashboard_month"] = 1234
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(table))
    ended = cli("cost", "--prices", path)
    assert "AWS list prices, eu-central-1" in ended.out
    assert "1,234.00" in ended.out


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--prices", "nowhere.json", "bad_prices"),
        ("--gpu-stage", "dance", "unknown_stage"),
        ("--minutes", "0", "bad_option"),
        ("--minutes", "1e-300", "bad_option"),
        ("--videos-per-day", "5e-324", "bad_option"),
        ("--mbps", "1e-4", "bad_option"),
        ("--peak", "0.5", "bad_option"),
        ("--mbps", "1e11", "bad_option"),
        ("--peak", "1e11", "bad_option"),
        ("--queries-per-day", "-1", "bad_option"),
        ("--queries-per-day", "1e11", "bad_option"),
        ("--views", "-1", "bad_option"),
        ("--views", "1e11", "bad_option"),
        ("--videos-per-day", "1e11", "bad_option"),
        ("--videos-per-day", "nan", "bad_option"),
        ("--minutes", "inf", "bad_option"),
    ],
)
def test_what_makes_no_sense_is_rejected(cli, option, value, code):
    ended = cli("cost", option, value, "--json")
    assert (ended.code, ended.error["code"], ended.out) == (2, code, "")
    assert (option if code.startswith("bad_o") else value) in ended.error["message"]


@pytest.mark.usefixtures("alone")
def test_limits_that_are_met_are_shown_with_what_to_do_and_the_others_once(cli):
    options = ["--videos-per-day", "86400", "--minutes", "4", "--peak", "1"]
    lines = cli("cost", *options, "--gpu-stage", "detect").out.splitlines()
    limits = {line.split("  ")[0]: line.split() for line in lines}
    # 240 on average reach 277 for 1 % of the time.
    assert "277" in limits["transcode: maximum concurrency"]
    assert limits["transcode: maximum concurrency"][-3:] == [
        "compute.live_concurrency",
        "=",
        "350",
    ]
    assert "thumbnail: maximum concurrency" not in limits
    assert limits["transcode: an execution, s"][-1] == "ok"
    assert "transcribe: an execution, s" not in limits
    assert limits["GPU hosts"][-3:] == ["gpu.max_hosts", "=", "36"]
    assert "ask for 144, On-Demand and Spot each" in " ".join(limits["vCPUs of G instances"])


@pytest.mark.usefixtures("alone")
def test_other_ways_are_judged_in_words(cli):
    said = cli("cost").out
    assert "theirs above 1,111 h a month (full at 4,867)" in said
    assert "videodrop: the host is full at 584 h a month" in said
    assert re.search(r"^MediaConvert .* videodrop above \d+ h a month *$", said, re.MULTILINE)
    assert re.search(r"^Cloudflare Stream .* theirs *$", said, re.MULTILINE)


@pytest.mark.usefixtures("alone")
def test_the_tables_in_the_documentation_are_what_it_prints(cli):
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    block = page.split("```console\n$ videodrop cost\n")[1]
    told = block.split("```")[0].splitlines()
    assert told == [line.rstrip() for line in cli("cost").out.splitlines()]
