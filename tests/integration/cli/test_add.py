"""Uploads of videos, and waiting for their results."""

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws


@pytest.fixture
def files(tmp_path):
    """Make files by name, none of them a video: ``files("a.mp4", …)``."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"video")
        return [tmp_path / name for name in names]

    return make


def uploaded(settings):
    found = aws.client("s3").list_objects_v2(Bucket=settings.names.uploads_bucket)
    return [one["Key"] for one in found.get("Contents", [])]


@pytest.mark.parametrize("name", ["a.mp4", "[red]x[bold].mp4", "a+b %20 ü 日本.mp4", "-x.mp4"])
def test_any_name_is_dropped_waited_for_and_found_again(cli, worked, files, name):
    ended = cli("add", "--wait", "--", *files(name))
    assert ended.code == 0, ended.err
    assert f"upload {name} (5 bytes)" in ended.err
    assert f"{name} toy succeeded" in ended.err
    assert name in ended.out
    shown = cli("show", "--json", "--", name)
    assert (shown.code, shown.json["name"], shown.json["status"]) == (0, name, "ready")
    assert name in cli("show", "--", name).out
    assert uploaded(worked) == [f"videos/{name}"]


@pytest.mark.usefixtures("worked")
def test_several_are_waited_for_and_listed_in_the_order_given(cli, files):
    ended = cli("add", *files("b.mp4", "a.mp4"), "--wait", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert [video["name"] for video in ended.json["videos"]] == ["b.mp4", "a.mp4"]
    assert {video["status"] for video in ended.json["videos"]} == {"ready"}


@pytest.mark.usefixtures("worked")
def test_options_go_along(cli, files):
    ended = cli("add", *files("a.mp4"), "--wait", "--json", "--option", "toy-repeat=2")
    (video,) = ended.json["videos"]
    (stage,) = cli("show", video["video_id"], "--json").json["stages"]
    assert stage["params"]["repeat"] == 2


@pytest.mark.usefixtures("worked")
def test_a_second_upload_of_a_name_is_waited_for_again(cli, files):
    paths = files("a.mp4")
    cli("add", *paths, "--wait")
    paths[0].write_bytes(b"another video")
    (video,) = cli("add", *paths, "--wait", "--json").json["videos"]
    assert (video["bytes"], video["status"]) == (13, "ready")


@pytest.mark.usefixtures("worked")
def test_a_failed_video_ends_with_1_and_its_reason(cli, files, monkeypatch):
    from pipeline.core.errors import BadInput  # noqa: PLC0415 - as the probe raises it

    def reject(*_):
        raise BadInput("unreadable", "This is [no] media.")

    monkeypatch.setattr("pipeline.runs.execute.probe", reject)
    ended = cli("add", *files("a.mp4"), "--wait")
    assert ended.code == 1
    assert "a.mp4 toy: This is [no] media. bad_input/unreadable" in ended.out
    assert cli("add", *files("b.mp4"), "--wait", "--json").code == 1


def test_without_a_worker_the_time_runs_out(cli, toys, files):
    ended = cli("add", *files("a.mp4"), "--wait", "--timeout", "0.6")
    assert ended.code == 5
    assert "After 0.6 s this is not done yet: a.mp4." in ended.err
    ended = cli("add", *files("b.mp4"), "--wait", "--timeout", "0", "--json")
    assert (ended.code, ended.json) == (5, {"videos": []})
    assert ended.error["code"] == "still_processing"
    assert uploaded(toys) == ["videos/a.mp4", "videos/b.mp4"]


def test_without_waiting_the_ids_are_told(cli, toys, files):
    bucket = bootstrap.uploads(toys)
    ids = [bucket.video_id(name) for name in ("a.mp4", "b.mp4")]
    ended = cli("add", *files("a.mp4", "b.mp4"))
    assert (ended.code, ended.out) == (0, f"{ids[0]}  a.mp4\n{ids[1]}  b.mp4\n")
    ended = cli("add", *files("a.mp4"), "--json")
    assert ended.json == {"videos": [{"video_id": ids[0], "name": "a.mp4"}]}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["none.mp4"], "not_a_file"),
        (["."], "not_a_file"),
        (["x/a.mp4"], "same_name"),
        (["--option", "toy-repeat=99"], "bad_option"),
        (["--option", "toy-repeat"], "bad_option"),
        (["--stages", "nosuch"], "bad_option"),
    ],
)
def test_a_wrong_call_is_rejected_before_anything_is_uploaded(
    cli, toys, files, tmp_path, monkeypatch, more, code
):
    files("a.mp4", "x/a.mp4")
    monkeypatch.chdir(tmp_path)
    ended = cli("add", "a.mp4", *more, "--json")
    assert (ended.code, ended.out, ended.error["code"]) == (2, "", code)
    assert uploaded(toys) == []


@pytest.mark.usefixtures("toys")
def test_a_bucket_that_is_not_there_is_told_in_words(cli, files, monkeypatch):
    monkeypatch.setenv("VIDEODROP_UPLOADS_BUCKET", "nowhere")
    ended = cli("add", *files("a.mp4"), "--json")
    assert (ended.code, ended.error["code"]) == (1, "upload_failed")
    assert "NoSuchBucket" in ended.error["message"]
