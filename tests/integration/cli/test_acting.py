"""Delete, retry, watch, status and queues, on the command line and over REST."""

import time

import httpx
import pytest

from pipeline import bootstrap
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.aws.catalog.table import Table
from pipeline.aws.queues import Counts
from pipeline.core.errors import BadInput
from pipeline.core.events import video_id
from pipeline.replays.records import OVER
from pipeline.results.jobs import Jobs
from tests.fakes import calls, toystage
from tests.fakes.query import Client
from tests.fakes.seed import Seed


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"a clip")
    return path


@pytest.fixture
def library(replayed, cli, clip):
    """One processed video."""
    assert cli("add", "--wait", "--json", clip).code == 0
    return replayed


@pytest.fixture
def breaks(monkeypatch):
    """Let the stage fail until the returned function is called."""
    works = toystage.run
    monkeypatch.setattr(toystage, "run", _fail)
    return lambda: monkeypatch.setattr(toystage, "run", works)


def _fail(*_):
    raise BadInput("undecodable", "No frame of it could be decoded.")


def until_over(api, link):
    end = time.monotonic() + 120
    while (now := api.get(link).json())["state"] not in OVER:
        assert time.monotonic() < end, now
        time.sleep(0.1)
    return now


def rejected(answer):
    return answer.status_code, answer.json()["code"]


# -- deletion ------------------------------------------------------------------------------------


def test_rm_deletes_a_video_and_restore_brings_it_back(cli, library):
    (one,) = cli("ls", "--json").json["videos"]
    asked = cli("rm", "a.mp4")
    assert (asked.code, "not_confirmed" in asked.err) == (2, True)
    done = cli("rm", "a.mp4", "--yes")
    assert (done.code, f"videodrop restore {one['video_id']}" in done.err) == (0, True)
    assert cli("ls", "--json").json["videos"] == []
    bucket = library.names.artifacts_bucket
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=bucket)
    again = cli("rm", one["video_id"], "--yes", "--json").json["deleted"][0]
    assert again["files"] == 0
    assert cli("restore", one["video_id"]).code == 0
    assert cli("watch", one["video_id"]).code == 0
    end = time.monotonic() + 120
    while [video["status"] for video in cli("ls", "--json").json["videos"]] != ["ready"]:
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_video_is_deleted_and_restored_by_rest(cli, library):
    (one,) = cli("ls", "--json").json["videos"]
    api, address = Client(create_app(settings=library)), f"/videos/{one['video_id']}"
    assert api.get(address).json()["restorable_days"] == 30
    foreign = api.request("DELETE", address, headers={"Origin": "http://other.example"})
    assert rejected(foreign) == (403, "foreign_origin")
    assert rejected(api.request("POST", f"{address}/restore")) == (409, "still_there")
    answer = api.request("DELETE", address)
    assert (answer.status_code, answer.json()["files"]) == (200, 2)
    assert answer.json()["links"] == {"restore": f"{address}/restore"}
    assert rejected(api.get(address)) == (410, "video_deleted")
    assert api.get("/videos").json()["videos"] == []
    assert api.get("/search", params={"q": "a"}).json()["moments"] == []
    second = api.request("DELETE", address)
    assert (second.status_code, second.json()["files"]) == (200, 0)
    assert rejected(api.request("DELETE", f"/videos/{'0' * 20}")) == (404, "unknown_video")
    assert rejected(api.request("DELETE", "/videos/nonsense")) == (404, "unknown_video")
    assert api.request("POST", f"{address}/restore").status_code == 202


def test_the_original_is_downloaded_under_its_name(cli, library, clip):
    (one,) = cli("ls", "--json").json["videos"]
    api = Client(create_app(settings=library))
    url = api.get(f"/videos/{one['video_id']}").json()["original_url"]
    answer = httpx.get(url)
    assert answer.content == clip.read_bytes()
    assert 'filename="a.mp4"' in answer.headers["Content-Disposition"]


# -- again ---------------------------------------------------------------------------------------


def test_what_failed_is_retried(cli, replayed, breaks, clip):
    failed = cli("add", "--wait", "--json", clip)
    assert (failed.code, failed.json["videos"][0]["status"]) == (1, "failed")
    assert cli("replay", "--json", "--yes").json["plan"]["stages"][0]["failed_permanently"] == 1
    assert "No frame" in cli("status").out
    breaks()
    ended = cli("retry", "a.mp4")
    assert (ended.code, "1 computed" in ended.out) == (0, True), ended.err
    assert "nothing failed" in cli("retry", "a.mp4").err
    api = Client(create_app(settings=replayed))
    one = cli("ls", "--json").json["videos"][0]["video_id"]
    assert rejected(api.request("POST", f"/videos/{one}/retry")) == (409, "nothing_failed")
    wrong = api.request("POST", f"/videos/{one}/retry", json={"stages": ["nonsense"]})
    assert rejected(wrong) == (422, "unknown_stage")


def test_one_video_is_planned_and_then_run_by_rest(cli, library):
    (one,) = cli("ls", "--json").json["videos"]
    api, address = Client(create_app(settings=library)), f"/videos/{one['video_id']}"
    asked = {"params": {"toy": {"repeat": 2}}, "dry_run": True}
    answer = api.request("POST", f"{address}/replays?wait=20", json=asked)
    assert (answer.status_code, answer.json()["state"]) == (201, "planned")
    planned = answer.json()
    assert planned["plan"]["stages"][0]["because"] == {"repeat: 1 → 2": 1}
    assert planned["request"]["videos"] == [one["video_id"]]
    api.request("POST", planned["links"]["resume"])
    assert until_over(api, planned["links"]["self"])["progress"]["succeeded"] == 1
    (stage,) = api.get(address).json()["stages"]
    assert (stage["params"]["repeat"], stage["given"]) == (2, {"repeat": 2})
    wrong = api.request("POST", f"{address}/replays", json={"videos": []})
    assert wrong.status_code == 422


@pytest.mark.usefixtures("library")
def test_a_failed_reprocessing_leaves_what_people_see(cli, monkeypatch):
    monkeypatch.setattr(toystage, "run", _fail)
    before = cli("show", "a.mp4", "--json").json
    ended = cli("replay", "--set", "toy-repeat=3", "--yes")
    assert ended.code == 1
    after = cli("show", "a.mp4", "--json").json
    (stage,), (was,) = after["stages"], before["stages"]
    assert (after["status"], after["cost"]) == ("ready", before["cost"])
    assert (stage["state"], stage["error"]["code"]) == ("failed", "undecodable")
    assert stage["stands_since"] == was["finished_at"] == stage["finished_at"]
    for same in ("fingerprint", "params", "artifacts", "attempt", "given"):
        shown, earlier = stage[same], was[same]
        if same == "artifacts":
            shown, earlier = ([one["sha256"] for one in found] for found in (shown, earlier))
        assert shown == earlier


# -- jobs ----------------------------------------------------------------------------------------


def test_a_paused_queue_is_shown_and_resumed(cli, library):
    assert cli("queues", "pause", "toy", "--lane", "live").code == 0
    api = Client(create_app(settings=library))
    queues = {one["lane"]: one["paused"] for one in api.get("/jobs").json()["queues"]}
    assert queues == {"live": True, "replay": False}
    assert "paused" in cli("status").out
    told = api.request("POST", "/queues/toy/replay/pause").json()
    assert (told["paused"], "Lambda" in told["note"]) == (True, True)
    assert cli("queues", "resume", "toy").code == 0
    assert not any(one["paused"] for one in api.get("/jobs").json()["queues"])
    assert rejected(api.request("POST", "/queues/nonsense/live/pause")) == (422, "unknown_stage")
    assert api.request("POST", "/queues/toy/dlq/pause").status_code == 422
    assert cli("queues", "pause", "nonsense").code == 2
    foreign = api.request(
        "POST", "/queues/toy/live/pause", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert rejected(foreign) == (403, "foreign_origin")


def test_jobs_are_those_that_run_wait_and_failed(toys, tmp_path):
    seed = Seed.of(toys, tmp_path)
    waiting, running, broken = (
        seed.upload(f"{name}.mp4", bucket=toys.names.uploads_bucket) for name in "abc"
    )
    seed.progress(running, "toy", 37)
    seed.fail(broken, "toy", BadInput("undecodable", "No frame."))
    jobs = bootstrap.jobs(toys).now()
    assert [(one.video_id, one.run.progress) for one in jobs.running] == [(running.video_id, 37)]
    assert [one.video_id for one in jobs.waiting] == [waiting.video_id]
    assert [(one.name, one.run.error.code) for one in jobs.failed] == [("c.mp4", "undecodable")]
    assert jobs.complete
    assert jobs.dead_lettered == {}


def test_a_look_at_the_jobs_takes_the_same_calls_however_many_have_failed(toys, tmp_path):
    seed = Seed.of(toys, tmp_path)
    broken = seed.upload("a.mp4", bucket=toys.names.uploads_bucket)
    seed.fail(broken, "toy", BadInput("undecodable", "No frame."))
    jobs = bootstrap.jobs(toys)
    jobs.now()
    with calls.counted() as few:
        jobs.now()
    old = [{"pk": f"{n:020x}", "sk": "stage#toy", "failed_as": "lost"} for n in range(1000)]
    for one in old:
        one["failed_order"] = f"2020-01-01T00:00:00.000Z#{one['pk']}"
    Table(aws.table(toys.names.table)).write(puts=old)
    with calls.counted() as many:
        found = jobs.now()
    assert not found.complete
    assert [one.video_id for one in found.failed] == [broken.video_id]
    # The latest 100 are read in as many requests as their keys need.
    assert many.keys() == few.keys()
    assert many.total() <= few.total() + 5


def test_replays_that_wait_for_live_work_are_told_from_those_that_nobody_takes(toys):
    counts = {("toy", "live"): Counts(0, 0), ("toy", "replay"): Counts(3, 0)}
    jobs = Jobs(bootstrap.catalog(toys), lambda *queue: counts.get(queue, Counts(0, 2)))

    def held_back():
        return [one.held_back for one in jobs.now().queues if one.lane == "replay"]

    assert held_back() == [False]
    assert jobs.now().dead_lettered == {"toy": 2}
    counts["toy", "live"] = Counts(5, 1)
    assert held_back() == [True]
    counts["toy", "replay"] = Counts(3, 1)
    assert held_back() == [False]


@pytest.mark.usefixtures("toys")
def test_watch_without_anything_in_progress_says_so(cli):
    ended = cli("watch")
    assert (ended.code, "Nothing is in progress" in ended.err) == (0, True)
    assert cli("watch", "nothing.mp4").code == 3
    assert cli("rm", video_id("b", "k"), "--yes").code == 3
