"""Uploads of videos, and waiting for their results."""

import re
import threading
import time

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws


@pytest.fixture
def files(tmp_path):
    """Make files by name, none of them a video and no two equal: ``files("a.mp4", …)``."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(name.encode())
        return [tmp_path / name for name in names]

    return make


def uploaded(settings):
    found = aws.client("s3").list_objects_v2(Bucket=settings.names.uploads_bucket)
    return [one["Key"] for one in found.get("Contents", [])]


def names(settings):
    """Return the names of what was uploaded, in the order of the uploads."""
    return [key.rpartition("/")[2] for key in uploaded(settings)]


@pytest.mark.parametrize("name", ["a.mp4", "[red]x[bold].mp4", "a+b %20 ü 日本.mp4", "-x.mp4"])
def test_any_name_is_dropped_waited_for_and_found_again(cli, worked, files, name):
    ended = cli("add", "--wait", "--", *files(name))
    assert ended.code == 0, ended.err
    assert f"upload {name} ({len(name.encode())} bytes)" in ended.err
    assert f"{name} toy succeeded" in ended.err
    assert name in ended.out
    shown = cli("show", "--json", "--", name)
    assert (shown.code, shown.json["name"], shown.json["status"]) == (0, name, "ready")
    assert name in cli("show", "--", name).out
    (key,) = uploaded(worked)
    assert re.fullmatch(r"videos/\d{8}T\d{9}-[0-9a-f]{8}/" + re.escape(name), key)


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


def test_two_commands_from_two_folders_with_one_file_name_give_two_videos_both_intact(
    cli, worked, files
):
    paths = files("phone/IMG_0001.mp4", "tablet/IMG_0001.mp4")
    ids = [cli("add", path, "--wait", "--json").json["videos"][0]["video_id"] for path in paths]
    assert len(set(ids)) == 2
    s3, bucket = aws.client("s3"), worked.names.uploads_bucket
    kept = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in uploaded(worked)]
    assert kept == [path.read_bytes() for path in paths]
    for video_id in ids:
        assert cli("show", video_id, "--json").json["status"] == "ready"
    ended = cli("show", "IMG_0001.mp4")
    assert ended.code == 2
    assert all(video_id in ended.err for video_id in ids)


def test_the_same_bytes_are_not_uploaded_again_whatever_their_name(cli, worked, files):
    paths = files("a.mp4", "b.mp4")
    (first,) = cli("add", paths[0], "--wait", "--json").json["videos"]
    paths[1].write_bytes(paths[0].read_bytes())
    ended = cli("add", paths[1], "--option", "toy-repeat=2")
    assert ended.out == f"{first['video_id']}  b.mp4\n"
    assert f"b.mp4 is already there: {first['video_id']}" in ended.err
    assert "`videodrop replay`" in ended.err
    assert cli("add", paths[1], "--wait", "--json").json["videos"][0]["name"] == "a.mp4"
    assert names(worked) == ["a.mp4"]


def test_replace_makes_a_new_revision_and_restore_brings_the_earlier_one_back(cli, worked, files):
    paths = files("a.mp4", "longer.mp4")
    (old,) = cli("add", paths[0], "--wait", "--json").json["videos"]
    (new,) = cli("add", paths[1], "--replace", "a.mp4", "--wait", "--json").json["videos"]
    assert (new["video_id"], new["name"], new["bytes"]) == (old["video_id"], "a.mp4", 10)
    assert new["status"] == "ready"
    again = cli("add", paths[1], "--replace", "a", "--json").json["videos"]
    assert again == [{"video_id": old["video_id"], "name": "longer.mp4", "there": True}]
    assert cli("restore", "a.mp4", "--revision", "0", "--json").error["code"] == "unknown_revision"
    assert cli("restore", "a.mp4").code == 0
    (key,) = uploaded(worked)
    found = aws.client("s3").get_object(Bucket=worked.names.uploads_bucket, Key=key)
    assert found["Body"].read() == paths[0].read_bytes()
    aws.client("s3").delete_object(Bucket=worked.names.uploads_bucket, Key=key)
    assert cli("restore", old["video_id"]).code == 0
    assert names(worked) == ["a.mp4"]


@pytest.mark.usefixtures("worked")
def test_a_video_that_was_never_replaced_has_nothing_to_restore(cli, files):
    cli("add", *files("a.mp4"), "--wait")
    assert cli("restore", "a.mp4", "--json").error["code"] == "nothing_earlier"


def test_a_folder_is_added_with_captions_beside_their_videos(cli, toys, files, tmp_path):
    files("x/a.mp4", "x/b.mov", "x/a.de.srt", "x/.hidden.mp4")
    assert cli("add", tmp_path / "x").code == 2
    ended = cli("add", "-r", tmp_path / "x")
    assert ended.code == 0, ended.err
    assert sorted(names(toys)) == ["a.de.srt", "a.mp4", "b.mov"]
    folders = {key.rpartition("/")[2]: key.rpartition("/")[0] for key in uploaded(toys)}
    assert folders["a.de.srt"] == folders["a.mp4"] != folders["b.mov"]


def test_captions_given_alone_go_beside_the_only_video_of_their_name(cli, worked, files):
    ended = cli("add", *files("a.srt"), "--json")
    assert (ended.code, ended.error["code"]) == (2, "no_video_for_captions")
    cli("add", *files("a.mp4"), "--wait")
    assert cli("add", *files("a.srt")).code == 0
    assert [key.rpartition("/")[0] for key in uploaded(worked)] == [
        uploaded(worked)[0].rpartition("/")[0]
    ] * 2
    cli("add", *files("x/a.mp4"), "--wait")
    assert "2 videos have that name" in cli("add", *files("a.en.srt")).err
    assert cli("add", *files("x/a.mp4", "x/a.en.srt")).code == 0
    assert names(worked).count("a.mp4") == 2


def test_ctrl_c_ends_the_uploads_and_says_what_goes_on(cli, toys, files, monkeypatch):
    begun, ended_early = threading.Barrier(3), []

    def endless(*_, sent, **__):
        begun.wait(20)
        for _ in range(2000):
            try:
                sent(1)
            except Exception as error:
                ended_early.append(error)
                raise
            time.sleep(0.01)

    def interrupt(*_, **__):
        begun.wait(20)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.aws.uploads.Uploads.put", endless)
        patch.setattr("pipeline.cli.sending.wait", interrupt)
        ended = cli("add", *files("a.mp4", "b.mp4"))
    assert len(ended_early) == 2
    assert ended.code == 130
    assert "0 of 2 videos were uploaded" in ended.err
    assert "`videodrop ls`" in ended.err

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.cli.drop.follow", interrupted)
    ended = cli("add", *files("c.mp4"), "--wait")
    assert (ended.code, "goes on" in ended.err) == (130, True)
    assert "c.mp4" in names(toys)


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
    assert names(toys) == ["a.mp4", "b.mp4"]


def test_without_waiting_the_ids_are_told(cli, toys, files):
    ended = cli("add", *files("a.mp4", "b.mp4"))
    found = {
        key.rpartition("/")[2]: bootstrap.uploads(toys).video_id(key) for key in uploaded(toys)
    }
    expected = f"{found['a.mp4']}  a.mp4\n{found['b.mp4']}  b.mp4\n"
    assert (ended.code, ended.out) == (0, expected)
    ended = cli("add", *files("a.mp4"), "--json")
    assert ended.json == {"videos": [{"video_id": found["a.mp4"], "name": "a.mp4", "there": True}]}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["none.mp4"], "not_a_file"),
        (["."], "not_a_file"),
        (["x/a.mp4", "--replace", "a.mp4"], "unknown_video"),
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
    assert (ended.code, ended.out, ended.error["code"]) == (
        3 if "--replace" in more else 2,
        "",
        code,
    )
    assert uploaded(toys) == []


@pytest.mark.usefixtures("toys")
def test_a_bucket_that_is_not_there_is_told_in_words(cli, files, monkeypatch):
    monkeypatch.setenv("VIDEODROP_UPLOADS_BUCKET", "nowhere")
    ended = cli("add", *files("a.mp4"), "--json")
    assert (ended.code, ended.error["code"]) == (1, "upload_failed")
    assert "NoSuchBucket" in ended.error["message"]
