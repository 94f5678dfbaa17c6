"""``videodrop replay`` and ``videodrop replays``, with replays in memory."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
import typer
from rich.console import Console

from pipeline import bootstrap
from pipeline.aws import event_archive as archive
from pipeline.cli import bars, following, main, plans, selecting
from pipeline.core.errors import InvalidArgument, NotFound
from pipeline.core.events import video_id
from pipeline.core.records import Estimate
from pipeline.core.settings import Settings
from pipeline.replays import views
from pipeline.replays.records import Plan, StagePlan, StageProgress
from pipeline.replays.request import ReplayRequest
from pipeline.results.comparison import Comparison
from tests.fakes.replays import (
    REPLAY_ID,
    START,
    FakeReplays,
    finished,
    moves,
    plan,
    replay,
)
from tests.unit.cli.test_console import HOSTILE, SHOWN, terminal

TIMES = "\N{MULTIPLICATION SIGN}"
NOW = datetime(2026, 3, 8, tzinfo=UTC)


class Names:
    """An index of names in which nothing is."""

    def of(self, _):
        return []


class Catalog:
    """A catalog of every video but those called nothing.mp4, by key alone."""

    names = Names()

    def videos(self, _):
        return []

    @property
    def timeline(self):
        return self

    def newest(self):
        return iter(())

    def uploads(self, _):
        return {}

    def video(self, one):
        nothing = video_id("videodrop-uploads", "videos/nothing.mp4")
        return None if one == nothing else type("Video", (), {"video_id": one})


def obedient(one):
    """A driver that plans at once, and runs as given."""
    if one.state == "planning":
        return one.model_copy(update={"state": "planned", "plan": plan()})
    if one.desired_state == "run":
        done = finished(succeeded=200, reused=3)
        return done.model_copy(update={"request": one.request, "plan": one.plan})
    return one


@pytest.fixture
def replays(monkeypatch):
    """Replace what the commands use."""
    found = FakeReplays(driver=obedient)
    monkeypatch.setattr("pipeline.cli.replaying.connect", lambda: (Settings(), Catalog()))
    monkeypatch.setattr(bootstrap, "replays", lambda _: found)
    monkeypatch.setattr(bootstrap, "uploads", lambda _: Uploads())
    monkeypatch.setattr(following, "_EVERY_S", 0)
    return found


class Uploads:
    def video_id(self, reference):
        return video_id("videodrop-uploads", f"videos/{reference}")


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run the command line; return exit code, standard output and standard error."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["videodrop", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def answers(monkeypatch):
    """Simulate a person at a terminal: ``answers("y")``."""

    def sit(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)

    return sit


# -- what is asked for ---------------------------------------------------------------------------


def test_every_option_reaches_the_request(cli, replays):
    code, _, said = cli(
        *("replay", "a.mp4", "b.mp4", "a.mp4", "--prefix", "videos/2026/", "--label", "dog"),
        *("--since", "2026-01-31", "--until", "2026-02-01T12:00+02:00", "--status", "partial"),
        *("--failure-class", "lost", "--stage", "detect", "--stage", "transcribe", "--outdated"),
        *("--set", "detect-confidence=0.4", "--set", "videodrop-language=de", "--sample", "5"),
        *("--shadow", "--budget", "2.5", "--dry-run"),
    )
    assert code == 0, said
    assert replays.started == [
        ReplayRequest(
            videos=[video_id("videodrop-uploads", f"videos/{name}") for name in ("a.mp4", "b.mp4")],
            prefix="videos/2026/",
            uploaded_after=datetime(2026, 1, 31, tzinfo=UTC),
            uploaded_before=datetime(2026, 2, 1, 10, tzinfo=UTC),
            label="dog",
            status="partial",
            failure_class="lost",
            stages=["detect", "transcribe"],
            outdated=True,
            params={"detect": {"confidence": "0.4"}, "transcribe": {"language": "de"}},
            sample=5,
            shadow=True,
            budget_usd=2.5,
            dry_run=True,
        )
    ]


def test_nothing_but_what_is_given_is_asked_for(cli, replays):
    cli("replay", "--dry-run")
    assert replays.started == [ReplayRequest(dry_run=True)]


@pytest.mark.parametrize(
    ("args", "code", "named"),
    [
        (["nothing.mp4"], 3, "nothing.mp4"),
        (["--set", "detect-confidense=1"], 2, "confidense"),
        (["--set", "detect-confidence=7"], 2, "confidence"),
        (["--set", "detect-confidence"], 2, "NAME=VALUE"),
        (["--set", "paint-x=1"], 2, "paint-x"),
        (["--stage", "paint"], 2, "paint"),
        (["--stage", "transcode", "--set", "detect-confidence=0.4"], 2, "detect"),
        (["--since", "yesterday"], 2, "yesterday"),
        (["--sample", "0"], 2, "sample"),
        (["--budget", "inf"], 2, "budget"),
        (["--failure-class", "sunspots"], 2, "failure-class"),
        (["--status", "deleted"], 2, "status"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], 2, "the first time"),
        (["--set", "stages=detect"], 2, "--stage chooses them"),
        (["--budget", "1e99"], 2, "--budget:"),
    ],
)
def test_a_wrong_option_is_told_and_nothing_is_started(cli, replays, args, code, named):
    ended, out, said = cli("replay", *args)
    assert (ended, out) == (code, "")
    assert named in said
    assert "Value error" not in said or "Usage:" in said, "the parser may say so, we do not"
    assert replays.started == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("90m", NOW - timedelta(minutes=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
    ],
)
def test_a_moment_is_a_date_a_time_or_how_long_ago(text, meant):
    assert selecting.moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "d", "-7d", "7y", "99999999999d", "2026-13-01"])
def test_an_invalid_time_is_reported(text):
    with pytest.raises(InvalidArgument, match="is not a time"):
        selecting.moment(text, NOW)


def test_a_model_may_be_a_file_of_the_operators_own():
    assert selecting.params(["detect-model=./my.pt"], Settings()) == {
        "detect": {"model": "./my.pt"}
    }


# -- plan, ask, run ------------------------------------------------------------------------------


def test_a_dry_run_shows_the_plan_and_runs_nothing(cli, replays):
    code, out, said = cli("replay", "--dry-run")
    assert (code, replays.asked) == (0, [])
    assert f"detect: confidence: 0.25 → 0.4 {TIMES}200" in out
    assert f"`videodrop replays resume {REPLAY_ID}` runs this plan" in said


def test_with_yes_it_is_run_to_its_end(cli, replays):
    code, out, said = cli("replay", "--yes")
    assert (code, replays.asked) == (0, [(REPLAY_ID, "run", None)])
    assert (
        "finished: 200 computed, 3 reused. It took 8.3 min, 4.2 min of GPU, 1.0 MB, 0.30 USD."
        in out
    )
    assert said.splitlines() == [
        "planned 203 videos examined, 203 runs",
        "finished 203 of 203 runs",
    ]


def test_a_person_is_asked_first(cli, replays, answers):
    answers("y")
    code, _, said = cli("replay")
    assert (code, replays.asked) == (0, [(REPLAY_ID, "run", None)])
    assert "Start 203 runs?" in said


@pytest.mark.parametrize("answer", ["n", ""])
def test_without_a_yes_nothing_is_run(cli, replays, answers, answer):
    answers(answer)
    code, out, said = cli("replay")
    assert (code, replays.asked) == (1, [])
    assert "detect" in out
    assert "Nothing was started" in said
    assert f"videodrop replays resume {REPLAY_ID}" in said


def test_ctrl_c_is_not_an_answer(cli, replays, monkeypatch, answers):
    answers("")

    def interrupted(*_, **__):
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", interrupted)
    code, _, said = cli("replay")
    assert (code, replays.asked) == (130, [])
    assert f"videodrop replays resume {REPLAY_ID}" in said


def test_without_a_terminal_nothing_is_run_unless_told(cli, replays):
    code, out, said = cli("replay")
    assert (code, replays.asked) == (2, [])
    assert "detect" in out
    assert "Nothing was started" in said
    assert "--yes" in said


def test_with_json_nobody_is_asked(cli, replays, answers):
    answers("y")
    code, out, said = cli("replay", "--json")
    assert (code, replays.asked) == (2, [])
    assert json.loads(out)["plan"]["runs"] == 203
    assert json.loads(said)["error"]["code"] == "not_confirmed"


@pytest.mark.parametrize(
    ("args", "state"),
    [(["--dry-run"], "planned"), (["--yes"], "finished"), (["--yes", "--detach"], "planned")],
)
@pytest.mark.usefixtures("replays")
def test_json_is_one_document_and_nothing_else(cli, args, state):
    code, out, said = cli("replay", "--json", *args)
    assert (code, said) == (0, "")
    assert json.loads(out)["state"] == state


def test_detached_it_is_left_to_run(cli, replays):
    code, _, said = cli("replay", "--yes", "--detach")
    assert (code, replays.asked) == (0, [(REPLAY_ID, "run", None)])
    assert f"videodrop replays show {REPLAY_ID}" in said


def planned_as(**given):
    return lambda one: one.model_copy(update={"state": "planned", "plan": plan(**given)})


def test_where_nothing_is_to_be_done_nothing_is_asked(cli, replays):
    replays.driver = planned_as(stages={"detect": StagePlan(verdicts={"current": 200})})
    code, out, said = cli("replay")
    assert code == 0
    assert "200" in out
    assert "Nothing to do." in said


def test_a_selection_without_videos_is_reported(cli, replays):
    replays.driver = planned_as(videos=0, stages={})
    code, _, said = cli("replay", "--dry-run")
    assert (code, "No video matches." in said) == (0, True)


def test_what_cannot_be_planned_is_a_failure(cli, replays):
    stage = StagePlan(verdicts={"blocked": 2}, because={"There is no model [x].": 2})
    replays.driver = planned_as(stages={"detect": stage})
    code, out, _ = cli("replay", "--yes")
    assert code == 1
    assert f"detect: There is no model [x]. {TIMES}2" in out
    assert "2 cannot be planned" in out


def test_what_cannot_be_planned_is_a_failure_though_the_rest_succeeds(cli, replays):
    stages = plan().stages | {"transcribe": StagePlan(verdicts={"blocked": 1})}

    def driver(one):
        done = obedient(one)
        return done.model_copy(update={"plan": plan(stages=stages)})

    replays.driver = driver
    assert cli("replay", "--yes")[0] == 1


def test_a_plan_beyond_the_budget_is_not_started(cli, replays):
    code, out, said = cli("replay", "--yes", "--budget", "0.1")
    assert (code, replays.asked) == (1, [])
    assert "0.40" in out
    assert "0.4000 USD, and the budget is 0.1000" in said
    shown = cli("replay", "--yes", "--budget", "0.1", "--json")
    assert json.loads(shown[1])["plan"]["runs"] == 203
    assert json.loads(shown[2])["error"]["code"] == "over_budget"
    assert cli("replay", "--yes", "--budget", "0.4")[0] == 0
    code, _, said = cli("replay", "--dry-run", "--budget", "0.1")
    assert code == 0
    assert "0.4000 USD, and the budget is 0.1000" in said
    assert "--budget USD` runs this plan" in said


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (finished(succeeded=2), 0),
        (finished(succeeded=2, superseded=1), 0),
        (finished(succeeded=2, failed=1), 1),
        (finished(lost=1), 1),
        (replay(state="cancelled", started_at=START), 1),
        (replay(state="paused", reason="The [budget] is used up.", started_at=START), 1),
        (replay(state="planned", reason="Over budget."), 1),
        (replay(state="failed", reason="No prices."), 1),
    ],
)
def test_the_exit_code_tells_how_it_ended(cli, replays, ended, code):
    replays.driver = lambda one: (
        ended
        if one.desired_state == "run"
        else one.model_copy(update={"state": "planned", "plan": plan()})
    )
    found, _, said = cli("replay", "--yes")
    assert found == code
    assert (ended.reason or "") in said


def test_a_plan_that_fails_says_why(cli, replays):
    replays.driver = moves(state="failed", reason="The price table is [wrong].")
    code, _, said = cli("replay", "--dry-run")
    assert (code, "The price table is [wrong]." in said) == (1, True)


# -- waiting -------------------------------------------------------------------------------------


def test_a_worker_that_is_not_there_is_missed_and_then_given_up(cli, replays, monkeypatch):
    replays.driver = lambda one: one
    monkeypatch.setattr(following, "_QUIET_S", 0)
    code, _, said = cli("replay", "--timeout", "0.05")
    assert code == 5
    first, last = said.partition("planning 0 videos")[2].split("It makes no progress", 1)
    assert "`videodrop worker` starts one" in last
    assert last.count("It makes no progress") == 1  # once while waiting, once at the end
    assert "still planning" not in first
    assert f"videodrop replays cancel {REPLAY_ID}" in last


def test_a_driver_that_sleeps_is_not_missed_and_other_replays_are_named(cli, replays, monkeypatch):
    replays.driver = lambda one: one
    replays.at_work = {REPLAY_ID}
    monkeypatch.setattr(following, "_QUIET_S", 0)
    code, _, said = cli("replay", "--timeout", "0.05")
    assert (code, "no progress" in said, "turn" in said) == (5, False, False)
    replays.at_work = {"another"}
    _, _, said = cli("replay", "--timeout", "0.05")
    assert following.NOT_ITS_TURN in said
    assert following.NO_WORKER not in said


def test_a_driver_that_is_heard_of_is_not_missed(cli, replays, monkeypatch):
    steps = iter(range(1, 5))

    def slow(one):
        step = next(steps, None)
        if step is None:
            return obedient(one)
        return one.model_copy(update={"updated_at": START + timedelta(seconds=step)})

    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(following.time, "monotonic", lambda: float(next(clock)))
    replays.driver = slow
    code, _, said = cli("replay", "--dry-run")
    assert (code, "Nobody" in said) == (0, False)


def test_with_json_a_missing_worker_is_told_at_the_end_alone(cli, replays, monkeypatch):
    replays.driver = lambda one: one
    monkeypatch.setattr(following, "_QUIET_S", 0)
    code, out, said = cli("replay", "--json", "--timeout", "0.05")
    assert (code, out) == (5, "")
    assert "It makes no progress" in json.loads(said)["error"]["message"]


@pytest.mark.parametrize("json_too", [True, False])
def test_ctrl_c_leaves_it_running_and_says_how_to_look_and_stop(cli, replays, json_too):
    def interrupted(one):
        if one.desired_state == "run":
            raise KeyboardInterrupt
        return obedient(one)

    replays.driver = interrupted
    code, _, said = cli("replay", "--yes", *["--json"] * json_too)
    assert (code, replays.asked) == (130, [(REPLAY_ID, "run", None)])
    assert f"videodrop replays show {REPLAY_ID}" in said
    assert f"videodrop replays cancel {REPLAY_ID}" in said
    if json_too:
        assert json.loads(said)["error"]["code"] == "interrupted"


@pytest.mark.parametrize(
    ("state", "desired", "reason", "rests"),
    [
        ("planning", "plan", None, False),
        ("planned", "plan", None, True),
        ("planned", "run", None, False),
        ("planned", "run", "Over budget.", True),
        ("running", "run", None, False),
        ("running", "pause", None, False),
        ("paused", "pause", None, True),
        ("paused", "run", None, False),
        ("paused", "run", "Over budget.", True),
        ("finished", "run", None, True),
        ("cancelled", "cancel", None, True),
        ("failed", "run", "Oh.", True),
    ],
)
def test_a_replay_is_followed_until_it_waits_for_its_owner(state, desired, reason, rests):
    assert following.is_at_rest(replay(state=state, desired_state=desired, reason=reason)) is rests


# -- AWS's own replay ----------------------------------------------------------------------------


@pytest.fixture
def archived(monkeypatch):
    """EventBridge's archive, and the requests to it."""
    asked = []

    def start(_, since, until, stages):
        asked.append((since, until, stages))
        return archive.ArchiveReplay(
            name="its-name", state="STARTING", since=since, until=until, follow="aws events …"
        )

    monkeypatch.setattr(archive, "start", start)
    monkeypatch.setattr("pipeline.cli.replaying.is_embedded", lambda _: False)
    return asked


def test_an_archive_is_replayed_by_aws(cli, replays, archived):
    args = ("--since", "2026-01-01", "--until", "2026-02-01", "--stage", "detect")
    assert cli("replay", "--from-archive", *args)[0] == 2
    assert archived == [], "nobody said yes"
    args += ("--yes",)
    code, out, said = cli("replay", "--from-archive", *args)
    assert (code, replays.started) == (0, [])
    window = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert archived == [(*window, ["detect"])]
    assert "its-name" in out
    assert "aws events …" in said
    shown = cli("replay", "--from-archive", *args, "--json")
    assert (json.loads(shown[1])["name"], shown[2]) == ("its-name", "")


@pytest.mark.parametrize(("answer", "code", "asked"), [("y", 0, 1), ("n", 1, 0)])
@pytest.mark.usefixtures("replays")
def test_an_archive_is_replayed_once_a_person_agrees(cli, archived, answers, answer, code, asked):
    answers(answer)
    ended, _, said = cli("replay", "--from-archive", "--since", "2026-01-01", "--stage", "detect")
    assert (ended, len(archived)) == (code, asked)
    assert "2026-01-01 00:00" in said
    assert "detect" in said


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--until", "2026-02-01"],
        ["--since", "7d", "--label", "dog"],
        ["--since", "7d", "--set", "detect-confidence=0.4"],
        ["--since", "7d", "--dry-run"],
    ],
)
def test_an_archive_is_asked_by_time_and_stage_alone(cli, replays, archived, args):
    code, _, said = cli("replay", "--from-archive", *args)
    assert (code, archived, replays.started) == (2, [], [])
    assert "--since" in said or "--dry-run" in said


def test_the_embedded_stack_serves_an_archive_from_the_catalog_and_says_so(
    cli, replays, archived, monkeypatch
):
    monkeypatch.setattr("pipeline.cli.replaying.is_embedded", lambda _: True)
    code, _, said = cli("replay", "--from-archive", "--since", "2026-01-01", "--yes")
    assert (code, archived) == (0, [])
    assert "the catalog serves the same request" in said
    assert replays.started[0].uploaded_after == datetime(2026, 1, 1, tzinfo=UTC)


# -- looking at replays --------------------------------------------------------------------------


def with_ids(*ids):
    return FakeReplays(*(replay(replay_id=one) for one in ids))


def test_replays_are_found_by_id_by_its_beginning_and_as_the_last():
    known = with_ids("20260101T000000-aaaaaa", "20260102T000000-bbbbbb", "20260102T000001-cccccc")
    for reference, number in (
        ("20260101T000000-aaaaaa", 0),
        ("20260101", 0),
        ("20260102T000000", 1),
        ("last", 2),
    ):
        assert following.find(reference, known).replay_id == sorted(known.known)[number]
    for reference, code in (
        ("20260102", "ambiguous_replay"),
        ("2025", "unknown_replay"),
        ("", "unknown_replay"),
        ("9", "unknown_replay"),
    ):
        with pytest.raises((InvalidArgument, NotFound)) as error:
            following.find(reference, known)
        assert error.value.code == code
    with pytest.raises(NotFound):
        following.find("last", FakeReplays())


def test_replays_are_listed(cli, replays):
    assert "No replays yet" in cli("replays")[2]
    assert json.loads(cli("replays", "--json")[1]) == {"replays": []}
    for number in range(3):
        one = replay(replay_id=f"{number}")
        replays.known[one.replay_id] = one
    code, out, _ = cli("replays", "--limit", "2")
    assert code == 0
    assert [line[:1] for line in out.splitlines()[1:]] == ["2", "1"]
    assert "detect.confidence=0.4" in out
    listed = json.loads(cli("replays", "--json", "--limit", "2")[1])["replays"]
    assert [one["replay_id"] for one in listed] == ["2", "1"]


def test_one_replay_is_shown(cli, replays):
    replays.known[REPLAY_ID] = replay(
        state="running",
        started_at=START,
        progress={"detect": StageProgress(asked=9, ended={"failed": 2})},
    )
    code, out, _ = cli("replays", "show", "last")
    assert code == 0
    for said in (REPLAY_ID, "running", "detect.confidence=0.4", "confidence: 0.25", "2 failed"):
        assert said in out
    assert json.loads(cli("replays", "show", "last", "--json")[1])["progress"]["failed"] == 2
    assert cli("replays", "show", "nosuch")[0] == 3


def test_a_replay_is_followed_on_request(cli, replays):
    replays.known[REPLAY_ID] = replay(state="running", desired_state="run")
    looks = iter(range(3))
    replays.driver = lambda one: one if next(looks, None) is not None else obedient(one)
    assert "finished" in cli("replays", "show", "last", "--follow")[1]


def test_following_ends_as_the_replay_ended(cli, replays):
    replays.known[REPLAY_ID] = finished(succeeded=1, failed=1)
    replays.driver = lambda one: one
    assert cli("replays", "show", "last", "--follow")[0] == 1
    assert cli("replays", "show", "last")[0] == 0, "showing a failed replay succeeds"


@pytest.mark.parametrize(
    ("args", "asked"),
    [
        (["pause"], ("pause", None)),
        (["resume"], ("run", None)),
        (["resume", "--budget", "3"], ("run", 3.0)),
        (["cancel"], ("cancel", None)),
    ],
)
def test_a_replay_is_told_what_to_do(cli, replays, args, asked):
    replays.known[REPLAY_ID] = replay(state="running")
    replays.driver = lambda one: one
    code, _, said = cli("replays", args[0], "last", *args[1:])
    assert (code, replays.asked) == (0, [(REPLAY_ID, *asked)])
    assert REPLAY_ID in said
    shown = cli("replays", args[0], "last", *args[1:], "--json")
    assert (json.loads(shown[1])["desired_state"], shown[2]) == (asked[0], "")


def test_what_is_over_cannot_be_told_anything(cli, replays):
    replays.known[REPLAY_ID] = finished(succeeded=1)
    replays.driver = lambda one: one
    code, _, said = cli("replays", "cancel", "last", "--json")
    assert (code, json.loads(said)["error"]["code"]) == (1, "replay_over")


# -- what is drawn -------------------------------------------------------------------------------


@pytest.fixture
def shown():
    return Console(file=io.StringIO(), width=300)


def test_the_plan_is_a_table_with_sums_reasons_and_what_it_rests_on(shown):
    plans.plan(shown, views.detail(replay(), {}).plan)
    lines = [line.rstrip() for line in shown.file.getvalue().splitlines()]
    words = [line.split() for line in lines]
    head = [*("stage", "run", "reuse", "stored", "current", "other"), "time", "GPU", "bytes", "USD"]
    assert words[0] == head
    assert ["transcode", "200", "3"] in words
    assert ["detect", "200", "3", "10", "min", "5.0", "min", "2.0", "MB", "0.40"] in words
    assert ["all", "200", "3", "200", "3", "10", "min", "5.0", "min", "2.0", "MB", "0.40"] in words
    assert f"detect: confidence: 0.25 → 0.4 {TIMES}200" in lines
    assert any(line.startswith("transcode: 2 left out by the uploader, 1 failed") for line in lines)
    assert "180 of 200 runs, a guess for the rest. us-east-1, 2026-02-01." in lines[-1]


@pytest.mark.parametrize(
    ("measured", "said"),
    [(0, "a guess: nothing like it"), (5, "rests on recorded run times. ")],
)
def test_what_an_estimate_rests_on_is_told(shown, measured, said):
    stage = StagePlan(verdicts={"run": 5}, measured=measured)
    plans.plan(shown, views.detail(replay(plan=plan(stages={"detect": stage})), {}).plan)
    assert said in shown.file.getvalue()


def test_hostile_words_are_harmless_wherever_a_replay_is_shown(shown):
    stage = StagePlan(verdicts={"run": 1}, because={HOSTILE: 1})
    one = replay(
        state="paused",
        started_at=START,
        request=ReplayRequest(prefix=HOSTILE, label=HOSTILE, params={HOSTILE: {HOSTILE: HOSTILE}}),
        reason=HOSTILE,
        plan=Plan(videos=1, stages={HOSTILE: stage}, prices=HOSTILE),
    )
    plans.replay(shown, views.detail(one, {}))
    plans.replays(shown, [views.detail(one, {})])
    with bars.ReplayBar(shown, quiet=False) as bar:
        bar.show(one)
        bar.warn(HOSTILE)
    said = shown.file.getvalue()
    assert said.count(SHOWN) == 16
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_shadow_run_tells_its_differences(shown):
    one = finished(succeeded=2).model_copy(update={"comparison": Comparison(words=100, edits=3)})
    plans.outcome(shown, views.detail(one, {}))
    assert "WER against current 3.0 %" in shown.file.getvalue()


def test_without_a_terminal_each_state_and_each_tenth_is_a_line(shown):
    def at(ended):
        progress = {"detect": StageProgress(asked=203, ended={"succeeded": ended})}
        return replay(state="running", progress=progress)

    with bars.ReplayBar(shown, quiet=False) as bar:
        for ended in (0, 5, 10, 25, 30, 203):
            bar.show(at(ended))
    lines = shown.file.getvalue().splitlines()
    assert lines == [f"running {ended} of 203 runs" for ended in (0, 25, 203)]


def test_on_a_terminal_a_bar_is_drawn():
    screen = terminal()
    progress = {"detect": StageProgress(asked=203, ended={"succeeded": 50, "failed": 2})}
    with bars.ReplayBar(screen, quiet=False) as bar:
        bar.show(replay(state="planning"))
        bar.show(
            replay(
                state="running",
                running_since=START,
                updated_at=START + timedelta(seconds=52),
                progress=progress,
            )
        )
    drawn = screen.file.getvalue()
    assert "52 of 203 runs" in drawn
    assert "2 failed" in drawn
    assert "about 2.5 min left" in drawn


def test_quiet_means_not_a_word(shown):
    with bars.ReplayBar(shown, quiet=True) as bar:
        bar.show(replay())
        bar.warn("Hear, hear.")
    assert shown.file.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0.4 s"),
        (99, "99 s"),
        (100, "1.7 min"),
        (3600, "60 min"),
        (86400, "24 h"),
        (1e6, "12 days"),
    ],
)
def test_lengths_of_time_are_told_in_a_fitting_unit(seconds, said):
    assert plans.span(seconds) == said


@pytest.mark.parametrize(
    ("usd", "said"), [(0, "0.00"), (0.001, "<0.01"), (0.4, "0.40"), (1234.5, "1,234.50")]
)
def test_less_than_a_cent_is_not_nothing(usd, said):
    assert plans.dollars(usd) == said


def test_a_request_is_told_in_a_line():
    assert plans.asked(ReplayRequest(dry_run=True)) == "everything"
    told = plans.asked(
        ReplayRequest(
            videos=["0" * 20], stages=["detect", "transcode"], shadow=True, prefix="videos/2026/"
        )
    )
    assert told == "1 videos by name prefix=videos/2026/ stages=detect,transcode shadow"


def test_an_estimate_of_nothing_is_left_blank():
    assert plans._taken(Estimate()) == ("", "", "", "")
