"""Earlier results on the command line: versions, diff, promote, rollback."""

import os

import pytest

from pipeline.core.stage import Notice


@pytest.fixture
def talk(seed):
    """A video that was transcribed twice, and had objects detected twice."""
    upload = seed.upload("[b]talk.mp4", bucket=os.environ["VIDEODROP_NAME"] + "-uploads")
    seed.transcribe(upload, "good day", "good night")
    seed.transcribe(upload, "good day", "good light", warnings=(Notice(code="odd", message="!"),))
    seed.detect(upload, {"star": [(0, 1)]})
    seed.detect(upload, {"star": [(0.5, 1)], "[red]ring": [(1, 2)]})
    return upload


def test_versions_are_listed_with_what_is_current(cli, talk):
    listed = cli("versions", talk.video_id)
    assert listed.code == 0
    rows = [line.split() for line in listed.out.splitlines()[1:]]
    assert [row[:3] for row in rows] == [
        ["transcribe", "transcribe-1", "before"],
        ["transcribe", "transcribe-2", "current"],
        ["detect", "detect-1", "before"],
        ["detect", "detect-2", "current"],
    ]
    assert "odd" in rows[1]
    found = cli("versions", talk.video_id, "--stage", "detect", "--json").json["versions"]
    assert [one["fingerprint"] for one in found] == ["detect-1", "detect-2"]


def test_a_difference_is_told_in_words(cli, talk):
    told = cli("diff", talk.video_id, "transcribe").out
    assert "WER 25.0 %: 1 substituted, 0 inserted, 0 deleted" in told
    assert ["0:01.5", "night", "light"] in [line.split() for line in told.splitlines()]
    assert "odd" in told
    told = cli("diff", talk.video_id, "detect").out
    assert "[red]ring" in told
    assert "star: only then" in told
    found = cli("diff", talk.video_id, "detect", "detect-2", "detect-1", "--json").json
    assert (found["labels"]["gained"], found["labels"]["lost"]) == ([], ["[red]ring"])


def test_promote_and_rollback_say_what_is_current_now(cli, talk):
    promoted = cli("promote", talk.video_id, "detect", "detect-1")
    assert (promoted.code, promoted.out[:24]) == (0, "detect is now detect-1, ")
    assert "ring" not in cli("objects", talk.video_id).out
    back = cli("rollback", talk.video_id, "detect", "--json").json
    assert (back["fingerprint"], back["current"]) == ("detect-2", True)
    assert "ring" in cli("objects", talk.video_id).out


def test_what_cannot_be_done_has_its_exit_code(cli, seed, talk):
    assert cli("promote", talk.video_id, "detect", "00000000").code == 3
    assert cli("promote", talk.video_id, "detect", "detect-").code == 2
    assert cli("promote", talk.video_id, "nosuch", "detect-1").code == 2
    assert cli("versions", "nothing.mp4").code == 3
    assert cli("rollback", talk.video_id, "thumbnail").code == 3
    seed.claim(talk, "detect")
    busy = cli("rollback", talk.video_id, "detect", "--json")
    assert (busy.code, busy.error["code"]) == (1, "stage_busy")


def test_a_video_without_results_says_so(cli, seed):
    upload = seed.upload("new.mp4", bucket=os.environ["VIDEODROP_NAME"] + "-uploads")
    told = cli("versions", upload.video_id)
    assert (told.code, told.err) == (0, "No stage has a result of it yet.\n")
    assert cli("versions", upload.video_id, "--json").json == {"versions": []}
