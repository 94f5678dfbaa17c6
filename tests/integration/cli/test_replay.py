"""Replays on the command line and over REST, with a real driver, bus, queues and runner."""

import time

import pytest

from pipeline.api.app import create_app
from pipeline.replays.records import OVER
from tests.fakes.query import Client
from tests.unit.cli.test_console import HOSTILE

ODD = HOSTILE.replace("/", "").replace("\n", "")


@pytest.fixture
def library(replayed, cli, tmp_path):
    """Three processed videos, one of them with control characters in its name."""
    paths = [tmp_path / name for name in ("a.mp4", "b.mp4", ODD)]
    for path in paths:
        path.write_bytes(path.name.encode())
    assert cli("add", "--wait", "--json", *paths).code == 0
    return replayed


def params_of(cli, name):
    (stage,) = cli("show", "--json", "--", name).json["stages"]
    return stage["params"]


@pytest.mark.usefixtures("library")
def test_what_changed_is_shown_run_and_then_current(cli):
    ended = cli("replay", "--set", "toy-repeat=2", "--yes")
    assert ended.code == 0, ended.err
    assert "toy: repeat: 1 → 2" in ended.out
    assert "finished: 3 computed" in ended.out
    assert params_of(cli, "a.mp4")["repeat"] == 2
    again = cli("replay", "--set", "toy-repeat=2")
    assert (again.code, "Nothing to do." in again.err) == (0, True)
    kept = cli("replay")
    assert "Nothing to do." in kept.err  # it would not undo what was set
    back = cli("replay", "--reset", "--yes", "--json").json
    assert back["plan"]["stages"][0]["reuse"] == 3
    assert back["progress"]["reused"] == 3
    assert params_of(cli, "a.mp4")["repeat"] == 1


@pytest.mark.usefixtures("library")
def test_a_dry_run_runs_nothing_until_it_is_resumed(cli):
    planned = cli("replay", "--set", "toy-text=other", "--dry-run", "--json", "--", ODD, "b.mp4")
    assert planned.code == 0, planned.err
    assert (planned.json["state"], planned.json["plan"]["runs"]) == ("planned", 2)
    assert params_of(cli, ODD)["text"] == "hello"
    assert cli("replays", "resume", planned.json["replay_id"][:15]).code == 0
    ended = cli("replays", "show", "last", "--follow")
    assert "finished" in ended.out
    assert params_of(cli, ODD)["text"] == "other"
    assert params_of(cli, "a.mp4")["text"] == "hello"
    assert cli("replays", "cancel", "last", "--json").error["code"] == "replay_over"
    assert planned.json["replay_id"] in cli("replays").out


def test_the_api_and_the_command_line_show_the_same_plan(cli, library):
    api = Client(create_app(settings=library))
    body = {"params": {"toy": {"repeat": 3}}, "dry_run": True}
    answer = api.request("POST", "/replays?wait=20", json=body)
    assert answer.status_code == 201
    planned = answer.json()
    assert planned["state"] == "planned"
    shown = cli("replay", "--set", "toy-repeat=3", "--dry-run", "--json").json
    assert shown["plan"] == planned["plan"]
    assert shown["plan"]["stages"][0]["because"] == {"repeat: 1 → 3": 3}
    resumed = api.request("POST", planned["links"]["resume"], json={"budget_usd": 100})
    assert resumed.status_code == 202
    end = time.monotonic() + 120
    while (now := api.get(planned["links"]["self"]).json())["state"] not in OVER:
        assert time.monotonic() < end, now
        time.sleep(0.1)
    assert (now["state"], now["progress"]["succeeded"]) == ("finished", 3)
    assert now["request"]["budget_usd"] == 100
    listed = api.get("/replays").json()["replays"]
    assert [one["replay_id"] for one in listed] == [shown["replay_id"], planned["replay_id"]]
    over = api.request("POST", f"{planned['links']['self']}/pause")
    assert (over.status_code, over.json()["code"]) == (409, "replay_over")


@pytest.mark.usefixtures("library")
def test_a_trial_leaves_everything_as_it_is_and_tells_the_difference(cli):
    before = cli("show", "a.mp4", "--json").json
    ended = cli("replay", "--shadow", "--set", "toy-text=other", "--sample", "2", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["progress"]["succeeded"] == 2
    assert ended.json["comparison"]["labels_gained"] == 2
    assert "2 results compared" in ended.json["differences"][0]
    after = cli("show", "a.mp4", "--json").json
    assert [stage["fingerprint"] for stage in after["stages"]] == [
        stage["fingerprint"] for stage in before["stages"]
    ]


@pytest.mark.usefixtures("toys")
def test_without_a_worker_the_time_runs_out(cli):
    ended = cli("replay", "--timeout", "0.6", "--json")
    assert (ended.code, ended.error["code"]) == (5, "still_replaying")
    assert cli("replays", "--json").json["replays"][0]["state"] == "planning"
    assert cli("replay", "nothing.mp4").code == 3
    assert cli("replays", "show", "nothing").code == 3
