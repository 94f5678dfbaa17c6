"""The inbox and its uploads."""

import os
import threading
import time
from contextlib import contextmanager

import psutil
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import EndpointConnectionError

from pipeline.aws.adding import Added
from pipeline.core import upload_key
from pipeline.core.errors import DependencyFailed, InvalidArgument
from pipeline.hosts.local import inbox as module
from pipeline.hosts.local.inbox import SETTLE_S, Inbox


class Uploads:
    """A stand-in for the addition of files."""

    def __init__(self):
        self.names, self.keys = [], []
        self.beside = []
        self.error = None

    def add(self, path, sent):
        upload_key.checked(path.name)
        if self.error:
            raise self.error
        for _ in range(2):
            sent(path.stat().st_size // 2)
        self.names.append(path.name)
        self.keys.append(f"videos/{len(self.names)}/{path.name}")
        return Added("0" * 20, self.keys[-1], there=False)

    def add_captions(self, path, video, key, sent):
        sent(path.stat().st_size)
        self.beside.append((path.name, video, key))


@pytest.fixture
def uploads():
    return Uploads()


@pytest.fixture
def box(tmp_path, uploads):
    return Box(tmp_path, uploads)


class Box:
    def __init__(self, tmp_path, uploads):
        self.folder, self.journal = tmp_path / "inbox", tmp_path / "inbox.journal"
        self.uploads = uploads
        self.told, self.progress = [], []
        self.now = 100.0
        self.restart()

    def restart(self, lost=lambda _: set()):
        self.inbox = Inbox(
            self.folder,
            self.journal,
            self.uploads,
            self.told.append,
            lost,
            lambda *progress: self.progress.append(progress),
        )

    def drop(self, name, body=b"film"):
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_bytes(body)

    def settle(self):
        self.inbox.look(self.now)
        self.now += SETTLE_S
        self.inbox.look(self.now)


@pytest.mark.parametrize(
    "name", ["a.mp4", "a b+c%20.mp4", "ä 映画.mov", "no extension", "#?&[x].mp4", "UPPER.MP4"]
)
def test_a_file_is_uploaded_once_under_its_own_name(box, uploads, name):
    box.drop(name)
    box.settle()
    box.settle()
    assert uploads.names == [name]
    assert (box.folder / name).exists()
    assert box.told == [f"{name} was dropped into the pipeline: {'0' * 20}."]


def test_a_growing_file_is_not_uploaded_yet(box, uploads):
    for size in range(1, 4):
        box.drop("a.mp4", b"x" * size)
        box.inbox.look(box.now)
        box.now += SETTLE_S * 0.9
    box.inbox.look(box.now)
    assert uploads.names == []
    box.settle()
    assert uploads.names == ["a.mp4"]


def test_a_file_that_is_open_for_writing_is_not_uploaded_yet(box, uploads):
    away = box.folder.parent / "elsewhere.mp4"
    (box.folder / "a.mp4").symlink_to(away)
    with away.open("wb") as file:
        file.write(b"half")
        file.flush()
        box.settle()
        assert uploads.names == []
    box.settle()
    assert uploads.names == ["a.mp4"]


def test_a_process_that_may_not_be_inspected_holds_no_file_back(box, uploads, monkeypatch):
    class Closed:
        def open_files(self):
            raise psutil.AccessDenied

    monkeypatch.setattr(module.psutil, "process_iter", lambda: [Closed()])
    box.drop("a.mp4")
    box.settle()
    assert uploads.names == ["a.mp4"]


def test_looks_that_take_long_are_fewer(box, monkeypatch):
    took, now, waits = iter([0, 0.1, 10]), [0.0], []

    class Stopping:
        def wait(self, seconds):
            waits.append(seconds)
            return len(waits) == 4

    def look(_):
        now[0] += next(took)

    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(box.inbox, "look", look)
    beats = []
    box.inbox.run(Stopping(), lambda: beats.append(1))
    assert waits == pytest.approx([0.5, 0.5, 2, 5])
    assert len(beats) == 3


def test_a_file_that_is_open_for_reading_is_uploaded(box, uploads):
    box.drop("a.mp4")
    with (box.folder / "a.mp4").open("rb"):
        box.settle()
    assert uploads.names == ["a.mp4"]


@pytest.mark.parametrize(
    "name", [".hidden.mp4", "a.mp4.part", "a.mp4.crdownload", "a.PARTIAL", "a.mp4~", "a.tmp"]
)
def test_hidden_and_partial_files_are_ignored(box, uploads, name):
    box.drop(name)
    box.settle()
    assert uploads.names == []


def test_the_empty_file_of_an_incomplete_download_is_ignored(box, uploads):
    box.drop("a.mp4", b"")
    box.drop("a.mp4.part")
    box.settle()
    assert uploads.names == []
    (box.folder / "a.mp4.part").replace(box.folder / "a.mp4")
    box.settle()
    assert uploads.names == ["a.mp4"]


def test_files_in_folders_are_uploaded_but_not_those_of_an_incomplete_download(box, uploads):
    box.drop("folder/a.mp4")
    box.drop(".hidden/b.mp4")
    box.drop("C.MP4.Download/C.MP4")
    box.settle()
    assert uploads.names == ["a.mp4"]


def test_a_renamed_or_moved_file_is_no_second_video(box, uploads):
    box.drop("a.mp4")
    box.settle()
    (box.folder / "folder").mkdir()
    (box.folder / "a.mp4").replace(box.folder / "folder" / "b.mp4")
    box.settle()
    box.restart()
    box.settle()
    assert uploads.names == ["a.mp4"]


def test_captions_wait_for_their_video_and_go_beside_it(box, uploads):
    box.drop("folder/a.de.srt")
    box.drop("a.mp4")
    box.settle()
    assert uploads.beside == []
    box.settle()
    assert [said for said in box.told if "waits" in said] == [
        "folder/a.de.srt waits for the video that it belongs to."
    ]
    box.drop("folder/a.mp4")
    box.settle()
    assert uploads.beside == [("a.de.srt", "a.mp4", "videos/2/a.mp4")]
    box.settle()
    assert len(uploads.beside) == 1


def test_captions_find_a_video_that_is_being_downloaded_again(box, uploads):
    box.drop("a.mp4")
    box.settle()
    box.drop("a.mp4.part")
    box.drop("a.srt")
    box.settle()
    assert uploads.beside == [("a.srt", "a.mp4", "videos/1/a.mp4")]


def test_a_restart_uploads_only_what_is_new(box, uploads):
    box.drop("a.mp4")
    box.settle()
    box.restart()
    box.drop("b.mp4")
    box.settle()
    assert uploads.names == ["a.mp4", "b.mp4"]


def test_a_changed_file_is_uploaded_again(box, uploads):
    box.drop("a.mp4", b"1")
    box.settle()
    box.drop("a.mp4", b"2")
    os.utime(box.folder / "a.mp4", (1, 1))
    box.settle()
    assert uploads.names == ["a.mp4", "a.mp4"]


def test_the_journal_drops_deleted_files_and_skips_what_it_cannot_read(box, uploads):
    box.drop("a.mp4")
    box.drop("b.mp4")
    box.settle()
    (box.folder / "a.mp4").unlink()
    with box.journal.open("a") as journal:
        journal.write('null\n["b.mp4", 4, 1]\n["b.mp4", 4')
    box.restart()
    box.settle()
    assert sorted(uploads.names) == ["a.mp4", "b.mp4"]
    assert box.journal.read_text().count("\n") == 1


def test_a_journal_that_cannot_be_written_again_is_kept(box, uploads, monkeypatch):
    box.drop("a.mp4")
    box.settle()
    before = box.journal.read_text()
    write = type(box.journal).write_text

    def full(path, _):
        write(path, "")
        raise OSError("the disk is full")

    with monkeypatch.context() as cut:
        cut.setattr(type(box.journal), "write_text", full)
        with pytest.raises(OSError, match="full"):
            box.restart()
    assert box.journal.read_text() == before
    box.restart()
    box.settle()
    assert uploads.names == ["a.mp4"]


@pytest.mark.parametrize(
    "error",
    [
        DependencyFailed("aws_unreachable", "away"),
        S3UploadFailedError("away"),
        EndpointConnectionError(endpoint_url="http://away"),
        OSError("away"),
        InvalidArgument("not_a_file", "It cannot be read: away."),
    ],
)
def test_a_failed_upload_is_reported_and_retried_later(box, uploads, error):
    uploads.error = error
    box.drop("a.mp4")
    box.settle()
    box.inbox.look(box.now + 1)
    assert len(box.told) == 1
    assert "away" in box.told[0]
    uploads.error = None
    box.inbox.look(box.now + 60)
    assert uploads.names == ["a.mp4"]


def test_a_name_that_is_not_text_is_rejected_once(box, uploads):
    (box.folder / os.fsdecode(b"\xff.mp4")).write_bytes(b"film")
    box.settle()
    box.settle()
    assert uploads.names == []
    assert len(box.told) == 1
    assert "Rename" in box.told[0]
    assert box.told[0].isascii(), "a terminal can show it"
    box.restart()  # its name can be journalled too


def test_progress_adds_up(box):
    box.drop("a.mp4", b"x" * 10)
    beats = []
    box.inbox._beat = lambda: beats.append(1)
    box.settle()
    assert box.progress == [("a.mp4", 5, 10), ("a.mp4", 10, 10)]
    assert len(beats) == 2, "a long upload does not look like a hang"


@contextmanager
def running(box):
    stopping = threading.Event()
    runner = threading.Thread(target=box.inbox.run, args=(stopping,))
    runner.start()
    try:
        yield
    finally:
        stopping.set()
        runner.join(20)
        assert not runner.is_alive()


def until(what):
    end = time.monotonic() + 60
    while not what() and time.monotonic() < end:
        time.sleep(0.05)


def test_a_running_inbox_uploads_a_new_file_and_stops(box, uploads, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_S", 0)
    with running(box):
        box.drop("a.mp4")
        until(lambda: uploads.names)
    assert uploads.names == ["a.mp4"]


def test_a_file_whose_upload_was_lost_is_taken_again(box, uploads):
    for name in ("kept.mp4", "lost.mp4", "gone.mp4"):
        box.drop(name)
    box.settle()
    (box.folder / "gone.mp4").unlink()
    asked = []
    (lost,) = (key for key in uploads.keys if key.endswith("/lost.mp4"))
    box.restart(lost=lambda keys: asked.append(keys) or {lost})
    box.settle()
    assert asked == [{key for key in uploads.keys[:3] if not key.endswith("/gone.mp4")}]
    assert sorted(uploads.names) == ["gone.mp4", "kept.mp4", "lost.mp4", "lost.mp4"]
    assert "taking it again" in "".join(box.told)
    box.restart()
    box.settle()
    assert len(uploads.names) == 4


def test_a_file_that_was_not_uploaded_is_not_asked_for(box):
    (box.folder / os.fsdecode(b"\xff.mp4")).write_bytes(b"film")
    box.settle()
    asked = []
    box.restart(lost=lambda keys: asked.append(keys) or set())
    assert asked == [set()]


def test_a_file_that_vanishes_while_it_is_looked_at_is_no_error(box, uploads, monkeypatch):
    box.drop("stays.mp4")
    listed = [box.folder / "stays.mp4", box.folder / "vanished.mp4"]
    monkeypatch.setattr(type(box.folder), "rglob", lambda *_: iter(listed))
    monkeypatch.setattr(type(box.folder), "is_file", lambda _: True)  # it was one
    box.settle()
    assert uploads.names == ["stays.mp4"]


def test_a_running_inbox_survives_names_and_errors(box, uploads, monkeypatch, caplog):
    looks = iter([ZeroDivisionError("oops"), ZeroDivisionError("oops")])
    look = box.inbox.look

    def failing(now):
        for error in looks:
            raise error
        look(now)

    monkeypatch.setattr(box.inbox, "look", failing)
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    monkeypatch.setattr(module, "SETTLE_S", 0)
    with running(box):
        (box.folder / os.fsdecode(b"\xff.mp4")).write_bytes(b"film")
        box.drop("a.mp4")
        until(lambda: uploads.names)
    assert uploads.names == ["a.mp4"]
    assert sum("oops" in message for message in box.told) == 1
    assert "ZeroDivisionError" in caplog.text
