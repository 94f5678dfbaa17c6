"""Checks before the first byte is uploaded, and the report at the end."""

import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.aws.uploads import Uploads
from pipeline.cli import drop
from pipeline.core.errors import BadInput, DependencyFailed, TimedOut
from pipeline.core.settings import Settings
from tests.conftest import topology_with


class S3:
    def __init__(self, error=None):
        self.error = error
        self.calls = []

    def upload_file(self, *args, **more):
        self.calls.append((args, more))
        if self.error:
            raise self.error


@pytest.fixture
def bucket():
    return Uploads(S3(), "uploads", "videos/")


@pytest.fixture
def files(tmp_path):
    for name in ("x/a.mp4", "y/a.mp4", "b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"video")
    return tmp_path


def test_a_file_given_twice_is_uploaded_once_and_equal_names_are_two_videos(files):
    again = files / "x" / ".." / "b.mp4"
    found = drop.chosen([files / "b.mp4", again, files / "x" / "a.mp4", files / "y" / "a.mp4"])
    assert found.videos == [files / "b.mp4", files / "x" / "a.mp4", files / "y" / "a.mp4"]


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        (["b.mp4", "none.mp4"], "not_a_file", "There is no file"),
        (["b.mp4", "x"], "not_a_file", "add -r"),
        (["b.mp4", "b.part"], "not_a_video", "incomplete"),
        (["b.mp4", "caf\udce9.mp4"], "bad_name", "UTF-8"),
    ],
)
def test_nothing_is_uploaded_unless_everything_can_be(files, names, code, said):
    if code in {"bad_name", "not_a_video"}:
        (files / names[1]).write_bytes(b"video")
    with pytest.raises(BadInput) as error:
        drop.chosen([files / name for name in names])
    assert error.value.code == code
    assert said in error.value.message


def test_a_folder_gives_its_videos_and_captions_and_leaves_other_files_out(files):
    for name in ("x/deep/c.mov", "x/a.srt", "x/.hidden/d.mp4", "x/e.part", "x/Thumbs.db"):
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_bytes(b"video")
    found = drop.chosen([files / "x", files / "b.mp4"], recursive=True)
    assert found.videos == [files / "x/a.mp4", files / "x/deep/c.mov", files / "b.mp4"]
    assert found.captions == [files / "x/a.srt"]
    (files / "empty").mkdir()
    with pytest.raises(BadInput, match="no video"):
        drop.chosen([files / "empty"], recursive=True)


def test_options_are_checked_as_the_stage_will_check_them(tmp_path):
    path = topology_with({"toy": "tests.fakes.toystage"}, tmp_path / "t.json")
    settings = Settings().model_copy(update={"topology_path": path})
    given = drop.asked("toy", None, ["toy-repeat=3", "videodrop-toy-text=a=b"], settings)
    assert given == {"stages": "toy", "toy-repeat": "3", "toy-text": "a=b"}
    for wrong in ("toy-repeat=99", "toy-what=1", "toy-repeat", "nosuch-x=1"):
        with pytest.raises(BadInput) as error:
            drop.asked(None, None, [wrong], settings)
        assert error.value.code == "bad_option"
    with pytest.raises(BadInput):
        drop.asked("nosuch", None, [], settings)


def test_options_of_a_stage_whose_code_is_elsewhere_are_left_to_its_host(tmp_path):
    path = topology_with({"far": "there.is.no.such.module"}, tmp_path / "t.json")
    settings = Settings().model_copy(update={"topology_path": path})
    assert drop.asked(None, None, ["far-x=1"], settings) == {"far-x": "1"}


@pytest.mark.parametrize(
    "option", [{"language": "dé"}, {"toy-text": "a\r\nx-evil: b"}, {"a\n": "b"}]
)
def test_options_that_a_header_cannot_hold_are_rejected(bucket, files, option):
    with pytest.raises(BadInput) as error:
        bucket.put(files / "b.mp4", "videos/b.mp4", options=option)
    assert error.value.code == "bad_option"
    assert bucket._s3.calls == []


def test_a_file_that_may_not_be_read_is_rejected_in_words(files):
    denied = Uploads(S3(PermissionError(13, "Permission denied")), "uploads", "videos/")
    with pytest.raises(BadInput, match="cannot be read: Permission denied"):
        denied.put(files / "b.mp4", "videos/1")


def test_what_has_not_ended_is_named(make_video):
    done, late = make_video("done.mp4", toy="failed"), make_video("late.mp4", toy="running")
    names = {done.video_id: "done.mp4", late.video_id: "late.mp4", "unheard": "unheard.mp4"}
    with pytest.raises(TimedOut, match=r"late\.mp4, unheard\.mp4") as error:
        drop.check_ended(names, [done, late], timeout_s=7)
    assert "done.mp4" not in error.value.message
    drop.check_ended({done.video_id: "done.mp4"}, [done], timeout_s=7)


def test_only_files_are_uploaded(bucket, files):
    with pytest.raises(BadInput, match="is not a file"):
        bucket.put(files / "x", "videos/1")
    assert bucket._s3.calls == []


def test_an_upload_may_be_retried_after_an_outage_of_s3(files):
    down = Uploads(S3(EndpointConnectionError(endpoint_url="http://x")), "uploads", "videos/")
    with pytest.raises(DependencyFailed) as error:
        down.put(files / "b.mp4", "videos/1")
    assert error.value.code == "aws_unreachable"
