import pytest

from pipeline.core.records import Cost, Spread
from pipeline.results import video_view as views
from pipeline.results.file_names import file_name
from pipeline.results.parts_view import PartsView
from tests.fakes.query import (
    FakeArtifacts,
    done,
    failed,
    result,
    run,
    upload,
    video,
    warning,
)

SIGN = FakeArtifacts().url


def test_an_ended_stage_counts_as_done_however_it_ended():
    source = upload()
    runs = [
        failed(source, "a"),
        run(source, "b", "running", progress=40),
        run(source, "c", "skipped"),
        run(source, "d", "pending"),
    ]
    assert views.progress(video(source, *runs)) == 60
    assert views.progress(video(source)) == 100


def test_stages_come_in_the_order_of_the_topology_with_their_progress():
    source = upload()
    one = video(
        source, run(source, "z", "running", progress=12.5), done(source, "a"), failed(source, "m")
    )
    stages = views.item(one, SIGN).stages
    assert [(stage.stage, stage.progress) for stage in stages] == [
        ("z", 12.5),
        ("a", 100),
        ("m", 40),
    ]


def test_a_stage_that_is_done_in_parts_counts_those_that_have_ended():
    source = upload()
    spread = Spread(total=8, fingerprint="f", queue="q")
    running = run(source, "a", "running", progress=5, spread=spread, ended={"a-1", "b-2"})
    view = views.item(video(source, running, done(source, "b")), SIGN)
    assert [stage.parts for stage in view.stages] == [PartsView(total=8, ended=2), None]
    assert view.stages[0].progress == pytest.approx(95 * 2 / 8)


def test_the_class_of_a_failure_is_called_class():
    source = upload()
    view = views.detail(video(source, failed(source, "a")), SIGN, {})
    error = view.model_dump(mode="json")["stages"][0]["error"]
    assert error == {
        "class": "bad_input",
        "code": "empty_file",
        "message": "It is empty.",
        "retryable": False,
    }


def test_a_stage_nobody_knows_shows_everything_it_left():
    source = upload()
    files = {"deep/thing.bin": "thing"}
    made = done(source, "toy", files, summary={"answer": 42}, warnings=[warning()], labels=["Cat"])
    view = views.detail(video(source, made), SIGN, {"self": "/x"}).model_dump(mode="json")
    (stage,) = view["stages"]
    assert stage["summary"] == {"answer": 42}
    assert stage["warnings"] == [warning().model_dump()]
    assert stage["models"] == {"model": "tiny"}
    assert stage["params"] == {"quality": 23}
    assert stage["fingerprint"] == "toy-fingerprint"
    assert stage["cost"]["cpu_seconds"] == 1.5
    (artifact,) = stage["artifacts"]
    assert artifact["role"] == "thing"
    assert artifact["url"].endswith(f"artifacts/{source.video_id}/toy/deep/thing.bin?signed")
    assert artifact["download_url"].endswith("&as=clip-000-thing.bin")
    assert view["labels"] == ["cat"]
    assert view["links"] == {"self": "/x"}


def test_a_result_of_an_earlier_upload_is_not_shown():
    old, new = upload(1, key="videos/a.mp4"), upload(2, key="videos/a.mp4")
    made = result(old, "a", {"video.mp4": "mp4"}, labels=["cat"])
    view = views.detail(video(new, run(new, "a", "running", made)), SIGN, {})
    assert view.labels == []
    assert not view.playable
    assert view.stages[0].artifacts == []
    assert view.stages[0].cost is None


def test_the_poster_is_the_middle_size():
    source = upload()
    made = done(source, "a", {"s.jpg": "poster", "m.jpg": "poster", "l.jpg": "poster"})
    assert made.result
    sizes = {"s.jpg": 1, "m.jpg": 5, "l.jpg": 9}
    artifacts = [one.model_copy(update={"bytes": sizes[one.name]}) for one in made.result.artifacts]
    made = made.model_copy(
        update={"result": made.result.model_copy(update={"artifacts": artifacts})}
    )
    poster = views.item(video(source, made), SIGN).poster
    assert poster is not None
    assert "/m.jpg" in poster
    assert views.item(video(source), SIGN).poster is None


def test_costs_are_added_up_and_time_runs_to_the_last_end():
    source = upload()
    one = video(source, done(source, "a"), done(source, "b"), failed(source, "c"))
    cost = views.total_cost(one)
    assert (cost.seconds, cost.cpu_seconds, cost.bytes_out) == (4, 3, 600)
    assert cost.elapsed_s == 30


def test_there_is_no_elapsed_time_while_something_is_going_on():
    source = upload()
    one = video(source, done(source, "a"), run(source, "b", "running"))
    assert views.total_cost(one).elapsed_s is None
    assert views.total_cost(video(source)).elapsed_s is None


@pytest.mark.parametrize(
    ("name", "saved_as"),
    [
        ("holiday.mp4", "holiday-captions.vtt"),
        ('a"; filename="evil.exe.mp4', "a_filename_evil.exe-captions.vtt"),
        ("über/..\\x\r\nSet-Cookie: y.mp4", "x_Set-Cookie_y-captions.vtt"),
        ("日本.mp4", "日本-captions.vtt"),
        ("Grüße & Küsse.mp4", "Grüße_Küsse-captions.vtt"),
        ("e\u0301te\u0301.mp4", "été-captions.vtt"),  # in one form on every system
        ("می\u200cرود.mp4", "می\u200cرود-captions.vtt"),
        ("हिन्दी 🎬.mp4", "हिन्दी_🎬-captions.vtt"),
        ("exe\u202e4pm.mp4", "exe_4pm-captions.vtt"),  # would be shown backwards
        ("映" * 300 + ".mp4", "映" * 53 + "-captions.vtt"),
        ("\u3000.mp4", "video-captions.vtt"),
        (".mp4", "mp4-captions.vtt"),
        ("a" * 300 + ".mp4", "a" * 80 + "-captions.vtt"),
    ],
)
def test_a_download_is_named_after_its_video_and_safely(name: str, saved_as: str):
    one = video(upload(key=f"videos/{name}"))
    assert file_name(one, "hls/captions.vtt") == saved_as


def test_a_failure_that_will_be_tried_again_is_told_while_waiting():
    source = upload()
    waiting = failed(source, "a").model_copy(update={"state": "pending", "finished_at": None})
    stage = views.states(video(source, waiting))[0]
    assert stage.state == "pending"
    assert stage.error is not None
    assert stage.error.code == "empty_file"


def test_the_cost_of_a_stage_is_that_of_its_result():
    source = upload()
    cost = Cost(seconds=9, media_seconds=10, cpu_seconds=8, bytes_in=7, bytes_out=6)
    view = views.detail(video(source, done(source, "a", cost=cost)), SIGN, {})
    assert view.stages[0].cost == cost
    assert view.cost.seconds == 9


def test_media_facts_are_none_until_somebody_looked():
    source = upload()
    shown = views.item(video(source), SIGN)
    assert (shown.duration_s, shown.width, shown.height) == (None, None, None)
    assert shown.uploaded_at == source.time
