"""Looking at videos: ls, show, transcript, objects, open."""

import os
import subprocess
import sys

import pytest

from pipeline.core.errors import BadInput
from pipeline.core.events import Deletion
from pipeline.core.stage import Notice
from pipeline.hosts.stack_file import StackFile
from tests.fakes.seed import START


@pytest.fixture
def talk(seed):
    """Make a video with all results."""
    upload = seed.upload("talk.mp4", bucket=seed_bucket())
    seed.probe(upload)
    seed.transcode(upload)
    seed.thumbnail(upload, warnings=(Notice(code="odd", message="Odd [but] fine."),))
    seed.transcribe(upload, "good day", "good night")
    seed.detect(upload, {"star": [(0, 1)], "ring": [(0.5, 2)]})
    return upload


def seed_bucket():
    return os.environ["VIDEODROP_NAME"] + "-uploads"


@pytest.mark.usefixtures("talk")
def test_videos_are_listed_newest_first_and_filtered(cli, seed):
    broken = seed.upload("[broken].mp4", bucket=seed_bucket())
    for stage in ("transcode", "thumbnail", "transcribe", "detect"):
        seed.fail(broken, stage, BadInput("unreadable", "It is not a [video]."))
    listed = cli("ls")
    assert listed.code == 0
    assert listed.out.index("[broken].mp4") < listed.out.index("talk.mp4")
    stages = "transcode, thumbnail, transcribe, detect"
    assert f"[broken].mp4 {stages}: It is not a [video]. bad_input/unreadable" in listed.out
    everything = cli("ls", "--json").json["videos"]
    assert [video["name"] for video in everything] == ["[broken].mp4", "talk.mp4"]
    for filtered in (["--status", "failed"], ["--limit", "1"]):
        assert [v["name"] for v in cli("ls", "--json", *filtered).json["videos"]] == [
            "[broken].mp4"
        ]
    assert [v["name"] for v in cli("ls", "--json", "--label", "star").json["videos"]] == [
        "talk.mp4"
    ]


@pytest.mark.usefixtures("stored")
def test_an_empty_list_says_what_to_do(cli):
    assert "videodrop add" in cli("ls").err
    assert "No video matches" in cli("ls", "--label", "unicorn").err
    empty = cli("ls", "--json")
    assert (empty.json, empty.err) == ({"videos": []}, "")


@pytest.mark.parametrize("how", ["talk.mp4", "videos/talk.mp4", "id"])
def test_a_video_is_found_by_name_key_and_id(cli, talk, how):
    shown = cli("show", talk.video_id if how == "id" else how)
    assert shown.code == 0
    for said in ("talk.mp4", "ready_with_warnings", "320x180", "Odd [but] fine.", "captions.vtt"):
        assert said in shown.out


@pytest.mark.parametrize("how", ["alk", "TALK.", "id"])
def test_a_video_is_found_by_a_part_of_its_name_and_the_beginning_of_its_id(cli, talk, how):
    shown = cli("show", "--json", talk.video_id[:8] if how == "id" else how)
    assert (shown.code, shown.json["video_id"]) == (0, talk.video_id)


def test_a_part_that_several_names_have_lists_the_videos(cli, seed, talk):
    other = seed.upload("table talk.mp4", bucket=seed_bucket())
    ended = cli("show", "alk")
    assert ended.code == 2
    assert "2 videos match alk" in ended.err
    for one in (talk, other):
        assert f"{one.video_id}  {one.name}" in ended.err
    assert cli("show", "--json", "alk").error["code"] == "ambiguous_name"
    assert cli("show", "talk", "--json").json["video_id"] == talk.video_id, "the complete name"


def test_a_deleted_video_is_not_found_by_a_part_of_its_name(cli, seed, talk):
    gone = {"bucket": talk.bucket, "key": talk.key, "sequencer": "9" * 40}
    seed.catalog.record_deletion(Deletion(event_id="e", time=START, **gone))
    assert cli("show", "alk").code == 3


@pytest.mark.parametrize("command", ["show", "transcript", "objects", "open"])
@pytest.mark.usefixtures("stack")
def test_a_video_there_is_not_ends_with_3(cli, command):
    ended = cli(command, "[nothing].mp4")
    assert (ended.code, ended.out) == (3, "")
    assert "There is no video [nothing].mp4." in ended.err
    assert cli(command, "nothing.mp4", "--json").error["code"] == "unknown_video"


@pytest.mark.parametrize(
    ("args", "begins"),
    [
        ([], "good day\ngood night\n"),
        (["--format", "vtt"], "WEBVTT\n"),
        (["--format", "srt"], "1\n"),
        (["--format", "json"], "{"),
        (["--json"], "{"),
    ],
)
@pytest.mark.usefixtures("talk")
def test_a_transcript_comes_in_every_format(cli, args, begins):
    said = cli("transcript", "talk.mp4", *args)
    assert said.code == 0
    assert said.out.startswith(begins)
    if begins == "{":
        assert [one["text"] for one in said.json["segments"]] == ["good day", "good night"]


def test_what_is_not_there_yet_is_told_from_what_will_never_be(cli, seed):
    waiting = seed.upload("a.mp4", bucket=seed_bucket())
    ended = cli("transcript", "a.mp4")
    assert (ended.code, "transcript yet: it is processing" in ended.err) == (3, True)
    seed.skip(waiting, "transcode", "thumbnail", "transcribe", "detect")
    ended = cli("objects", "a.mp4", "--json")
    assert (ended.code, ended.error["code"]) == (3, "no_result")
    assert "list of objects: it is ready" in ended.error["message"]


@pytest.mark.usefixtures("talk")
def test_objects_are_summed_up_or_listed_frame_by_frame(cli):
    summed = cli("objects", "talk.mp4")
    assert (summed.code, "star" in summed.out, "0:00.0 to 0:01.0" in summed.out) == (0, True, True)
    stars = cli("objects", "talk.mp4", "--label", "STAR")
    assert stars.out.count("star") == 3
    assert "ring" not in stars.out
    sure = cli("objects", "talk.mp4", "--min-confidence", "0.65", "--json").json
    assert [frame["time"] for frame in sure["frames"]] == [1.5]
    assert set(sure["labels"]) == {"star", "ring"}


def test_a_video_without_objects_says_so(cli, seed):
    seed.detect(seed.upload("empty.mp4", bucket=seed_bucket()), {})
    ended = cli("objects", "empty.mp4")
    assert (ended.code, "The model found no objects." in ended.err) == (0, True)
    assert cli("objects", "empty.mp4", "--json").json["frames"] == []


@pytest.fixture
def stack(stored, monkeypatch, aws_endpoint):
    """A file of a running stack, and a browser that only records URLs."""
    stored.home.mkdir(parents=True)
    StackFile(pid=os.getpid(), endpoint=aws_endpoint, api_url="http://127.0.0.1:8080").write(
        stored.home
    )
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    return opened


def test_open_shows_the_library_or_a_video_and_prints_where(cli, stack, talk):
    library, page = "http://127.0.0.1:8080/", f"http://127.0.0.1:8080/#/videos/{talk.video_id}"
    assert cli("open").out == library + "\n"
    assert cli("open", "talk.mp4").out == page + "\n"
    assert cli("open", "talk.mp4", "--json").json == {"url": page}
    assert stack == [library, page, page]


@pytest.mark.usefixtures("stored")
def test_open_without_a_stack_ends_with_4(cli):
    assert (cli("open").code, cli("open", "--json").error["code"]) == (4, "no_page")


@pytest.mark.usefixtures("stored")
def test_a_closed_pipe_is_not_an_error(seed):
    for number in range(3):
        seed.upload(f"{number}.mp4", bucket=seed_bucket())
    for args in (["ls"], ["ls", "--json"]):
        with subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            process.stdout.close()
            said = process.stderr.read()
        assert "Error" not in said
        assert "Traceback" not in said


def test_a_result_of_a_demonstration_model_says_so_and_is_no_warning(cli, seed):
    upload = seed.upload("demo.mp4", bucket=seed_bucket())
    demo = Notice(code="demo_model", message="Knows 116 words.", level="info")
    seed.transcribe(upload, "red star", warnings=(demo,))
    assert "Knows 116 words." in cli("show", upload.video_id).out
    (stage,) = (
        one
        for one in cli("show", upload.video_id, "--json").json["stages"]
        if one["stage"] == "transcribe"
    )
    assert stage["warnings"] == [demo.model_dump()]
