"""The saving of the state, and the warning about the last run."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.hosts.local import server
from pipeline.hosts.local.monitor import WRITTEN
from pipeline.hosts.local.snapshot import LastRun, Snapshot

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def snapshot(tmp_path):
    snapshot = Snapshot(tmp_path / "aws")
    snapshot.load()
    WRITTEN.clear()
    yield snapshot
    WRITTEN.clear()


def test_a_save_that_fails_leaves_the_state_to_be_saved(snapshot, monkeypatch):
    def full(*_):
        raise OSError("disk full")

    WRITTEN.set()
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "_write", full)
        with pytest.raises(OSError, match="disk full"):
            snapshot.save()
    assert snapshot.save()
    assert not snapshot.save()


def test_saving_continues_after_a_failure(monkeypatch, caplog):
    stopping, saves = threading.Event(), []

    class Failing:
        folder = "there"

        def save(self):
            saves.append(1)
            if len(saves) == 1:
                raise OSError("disk full")
            stopping.set()

    monkeypatch.setattr(server, "SAVE_EVERY_S", 0.01)
    server.save_until(stopping, Failing())
    assert len(saves) == 2
    assert "trying again" in caplog.text


def test_a_folder_is_closed_to_others(tmp_path):
    snapshot = Snapshot(tmp_path / "new" / "aws")
    assert snapshot.folder.stat().st_mode & 0o777 == 0o700
    snapshot.folder.chmod(0o755)
    with pytest.raises(MissingDependency) as raised:
        Snapshot(snapshot.folder)
    assert raised.value.code == "state_not_private"


def test_a_clean_run_has_no_warning():
    assert LastRun(clean=True, saved_at=NOW).message(NOW) is None


def test_the_warning_after_a_crash_has_the_age_of_the_state():
    message = LastRun(clean=False, saved_at=NOW - timedelta(seconds=90)).message(NOW)
    assert "90 s ago" in message
    assert "10 s" in message


def test_the_warning_after_an_early_crash_says_that_the_stack_starts_empty():
    assert "starting empty" in LastRun(clean=False, saved_at=None).message(NOW)
