"""Replays over REST."""

import json
from datetime import timedelta

import pytest

from pipeline.core.errors import Conflict
from pipeline.replays import views
from pipeline.replays.records import StageProgress
from tests.conftest import topology_with
from tests.fakes.query import Client, client, upload, video
from tests.fakes.replays import (
    REPLAY_ID,
    START,
    FakeReplays,
    finished,
    moves,
    plan,
    replay,
)
from tests.unit.api.test_problems import problem


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch):
    async def at_once(_):
        pass

    monkeypatch.setattr("pipeline.api.replays.asyncio.sleep", at_once)


def post(api: Client, path: str, body=None):
    return api.request("POST", path, json=body)


# -- starting ------------------------------------------------------------------------------------


def test_a_replay_is_started_and_can_be_found():
    replays = FakeReplays(driver=moves(state="running", plan=plan()))
    api = client(replays=replays)
    answer = post(api, "/replays", {"params": {"detect": {"confidence": 0.4}}})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/replays/{REPLAY_ID}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert replays.started[0].params == {"detect": {"confidence": 0.4}}
    assert api.get(answer.headers["Location"]).json() == answer.json()


@pytest.mark.parametrize(
    ("path", "body"), [("/replays?dry_run=true", {}), ("/replays", {"dry_run": True})]
)
def test_a_dry_run_can_be_asked_for_in_the_body_and_in_the_query(path, body):
    replays = FakeReplays(driver=moves(state="planned", plan=plan()))
    shown = post(client(replays=replays), path, body).json()
    assert replays.started[0].dry_run
    assert shown["state"] == "planned"
    assert shown["links"] == {
        "self": f"/replays/{REPLAY_ID}",
        "resume": f"/replays/{REPLAY_ID}/resume",
        "cancel": f"/replays/{REPLAY_ID}/cancel",
    }


def test_a_body_that_asks_for_a_dry_run_is_not_overruled_by_the_query():
    replays = FakeReplays(driver=moves(state="planned"))
    post(client(replays=replays), "/replays?dry_run=false", {"dry_run": True})
    assert replays.started[0].dry_run


@pytest.mark.parametrize("query", ["dry-run=true", "dryrun=true", "wait=1&dry=1"])
def test_a_mistyped_dry_run_starts_nothing(query):
    replays = FakeReplays()
    assert problem(post(client(replays=replays), f"/replays?{query}", {}))["status"] == 400
    assert replays.started == []


def test_the_answer_waits_for_the_plan():
    looks = iter([{}, {}, {"state": "planned", "plan": plan()}])
    replays = FakeReplays(driver=lambda one: one.model_copy(update=next(looks)))
    shown = post(client(replays=replays), "/replays?dry_run=true", {}).json()
    assert (shown["state"], shown["plan"]["complete"], replays.read) == ("planned", True, 3)


@pytest.mark.parametrize("wait", ["0", "0.05"])
def test_the_answer_does_not_wait_for_ever(wait):
    looks = iter(range(10_000))
    replays = FakeReplays(driver=lambda one: (next(looks), one)[1])
    shown = post(client(replays=replays), f"/replays?wait={wait}", {}).json()
    assert (shown["state"], shown["plan"]["complete"]) == ("planning", False)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"params": {"detect": {"confidense": 0.4}}}, "confidense"),
        ({"params": {"detect": {"confidence": 7}}}, "confidence"),
        ({"params": {"detect": {"model": "./my.pt"}}}, "detect.model"),
        ({"params": {"paint": {}}}, "'paint'"),
        ({"stages": ["paint"]}, "'paint'"),
        ({"stages": ["transcode"], "params": {"detect": {"confidence": 0.4}}}, "detect"),
        ({"videos": ["holiday.mp4"]}, "videos.0"),
        ({"videos": []}, "videos"),
        ({"sample": 0}, "sample"),
        ({"budget_usd": -1}, "budget_usd"),
        ({"uploaded_after": "yesterday"}, "uploaded_after"),
        (
            {"uploaded_after": "2026-02-01T00:00:00Z", "uploaded_before": "2026-01-01T00:00:00Z"},
            "the first time",
        ),
        ({"failure_class": "sunspots"}, "failure_class"),
        ({"status": "deleted"}, "status"),
        ({"everything": True}, "everything"),
        ({"params": {"detect": {"model": "x" * 9000}}}, "params"),
        (["a"], "body"),
    ],
)
def test_a_wrong_request_is_rejected_by_name_and_nothing_is_started(body, names):
    replays = FakeReplays()
    answer = post(client(replays=replays), "/replays", body)
    assert problem(answer)["status"] == 422
    assert names in answer.json()["detail"]
    assert replays.started == []


@pytest.mark.parametrize(
    "params",
    ['{"detect": {"confidence": NaN}}', '{"far": {"x": Infinity}}', '{"far": {"x": "\\ud800"}}'],
)
def test_what_dynamodb_cannot_store_is_rejected(params, tmp_path):
    path = topology_with({"far": "there.is.no.such.module"}, tmp_path / "t.json")
    replays = FakeReplays()
    answer = client(replays=replays, topology_path=path).request(
        "POST",
        "/replays",
        content=f'{{"params": {params}}}',
        headers={"Content-Type": "application/json"},
    )
    assert problem(answer)["status"] == 422
    assert replays.started == []


def test_a_video_there_is_not_is_told_and_nothing_is_started():
    replays = FakeReplays()
    answer = post(client(replays=replays), "/replays", {"videos": ["0" * 20]})
    assert problem(answer)["status"] == 404
    assert answer.json()["code"] == "unknown_video"
    assert replays.started == []


def test_nobody_is_told_whose_error_it_is():
    answer = post(client(), "/replays", {"stages": ["detect"], "params": {"transcode": {}}})
    assert "Value error" not in answer.json()["detail"]


def test_what_is_not_json_is_rejected():
    answer = client(replays=FakeReplays()).request(
        "POST", "/replays", content="{", headers={"Content-Type": "application/json"}
    )
    assert problem(answer)["code"] == "invalid_request"


@pytest.mark.parametrize("wait", ["-1", "21", "long"])
def test_a_wait_is_bounded(wait):
    found = problem(post(client(replays=FakeReplays()), f"/replays?wait={wait}", {}))
    assert [(one["in"], one["name"]) for one in found["errors"]] == [("query", "wait")]


def test_parameters_of_a_stage_whose_code_is_elsewhere_are_left_to_its_host(tmp_path):
    path = topology_with({"far": "there.is.no.such.module"}, tmp_path / "t.json")
    replays = FakeReplays(driver=moves(state="planned"))
    answer = post(
        client(replays=replays, topology_path=path), "/replays", {"params": {"far": {"x": 1}}}
    )
    assert answer.status_code == 201


# -- looking -------------------------------------------------------------------------------------


def test_replays_are_listed_newest_first_and_page_by_page():
    ids = [f"2026030{day}T120000-0a1b2c" for day in (1, 2, 3)]
    api = client(replays=FakeReplays(*(replay(replay_id=one) for one in ids)))
    first = api.get("/replays?limit=2").json()
    assert [one["replay_id"] for one in first["replays"]] == [ids[2], ids[1]]
    rest = api.get("/replays", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["replay_id"] for one in rest["replays"]] == [ids[0]]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["%23months", "a b", "é"])
def test_a_forged_cursor_of_the_list_is_a_problem(cursor):
    answer = client(replays=FakeReplays()).get(f"/replays?cursor={cursor}")
    assert problem(answer)["code"] == "invalid_cursor"


@pytest.mark.parametrize("replay_id", ["20260101T000000-ffffff", "x", "%23months", "a" * 65, "é"])
@pytest.mark.parametrize("verb", ["", "/pause", "/resume", "/cancel"])
def test_a_replay_there_is_not_is_not_found_whatever_it_is_called(replay_id, verb):
    api = client(replays=FakeReplays())
    answer = api.request("POST" if verb else "GET", f"/replays/{replay_id}{verb}")
    assert (problem(answer)["status"], answer.json()["code"]) == (404, "unknown_replay")


def test_an_id_of_another_shape_never_reaches_the_table():
    replays = FakeReplays()
    client(replays=replays).get("/replays/%23months")
    client(replays=replays).request("POST", f"/replays/{'a' * 3000}/cancel")
    assert (replays.read, replays.asked) == (0, [])


# -- asking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "desired"), [("pause", "pause"), ("resume", "run"), ("cancel", "cancel")]
)
def test_a_replay_is_paused_resumed_and_cancelled(verb, desired):
    replays = FakeReplays(replay(state="running"))
    answer = post(client(replays=replays), f"/replays/{REPLAY_ID}/{verb}")
    assert (answer.status_code, answer.json()["desired_state"]) == (202, desired)
    assert replays.asked == [(REPLAY_ID, desired, None)]


def test_a_mistyped_budget_is_rejected():
    replays = FakeReplays(replay())
    answer = post(client(replays=replays), f"/replays/{REPLAY_ID}/resume", {"budget": 10})
    assert problem(answer)["status"] == 422
    assert replays.asked == []


def test_what_needs_a_larger_budget_is_a_conflict():
    replays = FakeReplays(replay())

    def reject(*_, **__):
        raise Conflict("over_budget", "It would cost 3 USD.")

    replays.ask = reject
    answer = post(client(replays=replays), f"/replays/{REPLAY_ID}/resume")
    assert problem(answer)["status"] == 409


def test_it_goes_on_with_a_new_budget():
    replays = FakeReplays(replay(state="paused"))
    api = client(replays=replays)
    assert post(api, f"/replays/{REPLAY_ID}/resume", {"budget_usd": 2.5}).status_code == 202
    assert replays.asked == [(REPLAY_ID, "run", 2.5)]
    for wrong in (-1, 1e300, "much"):
        answer = post(api, f"/replays/{REPLAY_ID}/resume", {"budget_usd": wrong})
        assert problem(answer)["status"] == 422


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_what_is_over_stays_over(verb):
    answer = post(
        client(replays=FakeReplays(finished(succeeded=3))), f"/replays/{REPLAY_ID}/{verb}"
    )
    assert (problem(answer)["status"], answer.json()["code"]) == (409, "replay_over")


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        ("planning", ["cancel"]),
        ("planned", ["resume", "cancel"]),
        ("running", ["pause", "cancel"]),
        ("paused", ["resume", "cancel"]),
        ("finished", []),
        ("cancelled", []),
        ("failed", []),
    ],
)
def test_links_name_what_can_be_done_now(state, verbs):
    api = client(replays=FakeReplays(replay(state=state)))
    links = api.get(f"/replays/{REPLAY_ID}").json()["links"]
    assert list(links) == ["self", *verbs]
    for verb in verbs:
        assert post(api, links[verb]).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/replays", "GET and POST"),
        ("PUT", f"/replays/{REPLAY_ID}", "GET"),
        ("GET", f"/replays/{REPLAY_ID}/pause", "POST"),
        ("POST", "/web/app.js", "GET"),
    ],
)
def test_a_method_that_is_not_there_is_told_from_those_that_are(method, path, allowed):
    answer = client(replays=FakeReplays()).request(method, path)
    assert problem(answer)["detail"] == f"This address supports only {allowed}."
    methods = answer.headers["Allow"].split(", ")
    assert [one for one in methods if one != "HEAD"] == allowed.split(" and ")
    assert ("HEAD" in methods) == ("GET" in methods)


# -- what is shown -------------------------------------------------------------------------------


def test_a_plan_counts_every_verdict_and_sums_up():
    shown = views.detail(replay(), {}).plan
    transcode, detect = shown.stages
    assert (shown.videos, shown.runs, shown.estimate.usd) == (203, 203, 0.4)
    assert (detect.run, detect.reuse, detect.current, detect.measured) == (200, 3, 0, 180)
    assert (transcode.current, transcode.left_out, transcode.failed_permanently) == (200, 2, 1)
    assert detect.because == {"confidence: 0.25 → 0.4": 200}


def running(**given):
    progress = {
        "detect": StageProgress(asked=60, ended={"succeeded": 48, "failed": 2}),
        "transcode": StageProgress(asked=1, ended={"reused": 1}),
    }
    fields = {
        "state": "running",
        "started_at": START - timedelta(days=1),
        "running_since": START,
        "updated_at": START + timedelta(seconds=102),
        "progress": progress,
    }
    return replay(**fields | given)


def test_progress_is_what_has_ended_of_what_was_planned():
    shown = views.detail(running(), {}).progress
    assert (shown.asked, shown.succeeded, shown.reused, shown.failed) == (61, 48, 1, 2)
    assert shown.percent == 25.1  # 51 of 203
    assert shown.seconds_left == 304  # 152 at 2 s each
    assert shown.stages["detect"].failed == 2


def test_the_time_left_goes_by_the_pace_since_it_went_on():
    shown = views.detail(running(ended_before=17), {}).progress
    assert shown.seconds_left == 456  # 152 at 3 s each
    assert views.detail(running(ended_before=51), {}).progress.seconds_left is None


def test_progress_never_passes_100_and_is_100_at_the_end():
    many = {"detect": StageProgress(asked=300, ended={"succeeded": 300})}
    assert views.detail(running(progress=many), {}).progress.percent == 100
    assert views.detail(running(progress=many), {}).progress.seconds_left == 0
    nothing = replay(state="finished", plan=plan(stages={}))
    assert views.detail(nothing, {}).progress.percent == 100


def test_nobody_guesses_how_long_it_takes_before_anything_has_ended():
    assert views.detail(running(progress={}), {}).progress.seconds_left is None
    assert views.detail(running(state="paused"), {}).progress.seconds_left is None


def test_what_only_the_driver_needs_is_not_shown():
    shown = json.dumps(views.detail(replay(cursor="SECRET", attempt=3), {}).model_dump(mode="json"))
    for internal in ("open", "cursor", "attempt", "lease_until", "walked", "SECRET"):
        assert f'"{internal}"' not in shown


OF_OTHER_TYPES = [
    *({"budget_usd": False}, {"budget_usd": "5"}, {"sample": True}),
    *({"dry_run": 0}, {"shadow": "true"}, {"reset": 1}),
]
NOT_CHOSEN = {"stages": ["transcode"], "params": {"detect": {"confidence": 0.4}}}


@pytest.mark.parametrize("body", OF_OTHER_TYPES)
def test_a_value_of_another_type_starts_nothing(body):
    replays = FakeReplays()
    assert problem(post(client(replays=replays), "/replays", body))["status"] == 422
    assert replays.started == []


@pytest.mark.parametrize("body", [*OF_OTHER_TYPES, NOT_CHOSEN])
def test_a_wrong_request_about_one_video_starts_nothing(body):
    replays, source = FakeReplays(), upload()
    api = client(video(source), replays=replays)
    assert problem(post(api, f"/videos/{source.video_id}/replays", body))["status"] == 422
    assert replays.started == []


@pytest.mark.parametrize(
    ("body", "code"),
    [(None, "nothing_failed"), ({"stages": ["no"]}, "unknown_stage"), ({"stages": []}, None)],
)
def test_a_retry_without_a_failure_starts_nothing(body, code):
    replays, source = FakeReplays(), upload()
    api = client(video(source), replays=replays)
    found = problem(post(api, f"/videos/{source.video_id}/retry", body))
    assert found["code"] == (code or "invalid_request")
    assert replays.started == []
