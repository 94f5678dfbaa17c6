"""The journal of the embedded AWS: what is on the disk, whatever happens to it."""

import os
import resource
import threading
import time
from pathlib import Path

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.hosts.local import journal as module
from pipeline.hosts.local.fork import Fork
from pipeline.hosts.local.journal import Journal, Tail, replay


def written(folder, *payloads, last=0):
    journal = Journal(folder, last)
    for payload in payloads:
        journal.commit(journal.append(payload))
    return journal


def read(folder, after=0):
    found = []
    tail = replay(folder, after, found.append)
    return found, tail


def test_records_come_back_in_order_after_the_ones_that_are_known(tmp_path):
    written(tmp_path, b"a", b"", b"c")
    assert read(tmp_path) == ([b"a", b"", b"c"], Tail(last=3, torn=0))
    assert read(tmp_path, after=2) == ([b"c"], Tail(last=3, torn=0))
    assert read(tmp_path, after=3) == ([], Tail(last=3, torn=0))


def test_a_last_record_cut_off_at_any_byte_is_dropped_and_the_journal_goes_on(tmp_path):
    written(tmp_path, b"first", b"second", b"the last one")
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    length = len(module.encoded(3, b"the last one"))
    for cut in range(len(whole) - length, len(whole)):
        file.write_bytes(whole[:cut])
        torn = cut - (len(whole) - length)
        assert read(tmp_path) == ([b"first", b"second"], Tail(last=2, torn=torn))
    written(tmp_path, b"new", last=2)
    assert read(tmp_path) == ([b"first", b"second", b"new"], Tail(last=3, torn=0))


def test_a_last_record_with_any_byte_changed_is_dropped(tmp_path):
    written(tmp_path, b"first", b"the last one")
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for at in range(len(module.encoded(1, b"first")), len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert read(tmp_path)[0] == [b"first"]


def test_missing_records_are_an_error_and_nothing_is_changed(tmp_path):
    journal = written(tmp_path, b"1", b"2")
    journal.rotate()
    journal.commit(journal.append(b"3"))
    first, second = sorted(tmp_path.iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    before = second.read_bytes()
    with pytest.raises(MissingDependency) as raised:
        read(tmp_path)
    assert raised.value.code == "state_damaged"
    assert second.read_bytes() == before


def test_a_new_file_makes_the_earlier_ones_unnecessary(tmp_path):
    journal = written(tmp_path, b"1", b"2")
    assert journal.rotate() == (3, 2)
    assert journal.rotate() == (3, 2)  # the file is new already
    journal.commit(journal.append(b"3"))
    assert read(tmp_path)[0] == [b"1", b"2", b"3"]
    assert journal.size == sum(path.stat().st_size for path in tmp_path.iterdir())
    journal.drop(3)
    assert journal.size == len(module.encoded(3, b"3"))
    assert read(tmp_path, after=2) == ([b"3"], Tail(last=3, torn=0))


def test_the_name_of_a_new_file_is_on_the_disk(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(module, "sync", synced.append)
    journal = written(tmp_path, b"1")
    journal.rotate()
    assert synced == [tmp_path] * 2


class Disk:
    """A disk that is slow, or full, when a test says so."""

    def __init__(self, monkeypatch):
        self.syncs = 0
        self.full = False
        self.slow = threading.Event()
        self.waiting = threading.Event()
        self.slow.set()
        sync = os.fdatasync

        def fdatasync(file):
            self.waiting.set()
            assert self.slow.wait(30)
            self.syncs += 1
            if self.full:
                raise OSError(28, "No space left on device")
            sync(file)

        monkeypatch.setattr(os, "fdatasync", fdatasync)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def started(*calls):
    threads = [threading.Thread(target=call, args=args) for call, *args in calls]
    for thread in threads:
        thread.start()
    return threads


def test_records_that_wait_at_the_same_time_need_one_sync(tmp_path, disk):
    journal = Journal(tmp_path, 0)
    disk.slow.clear()
    threads = started((journal.commit, journal.append(b"1")))
    assert disk.waiting.wait(30)
    threads += started(*((journal.commit, journal.append(b"%d" % n)) for n in range(2, 9)))
    disk.slow.set()
    for thread in threads:
        thread.join()
    assert disk.syncs == 2
    assert read(tmp_path)[0] == [b"%d" % n for n in range(1, 9)]


def test_nobody_is_told_before_the_record_and_all_before_it_are_stored(tmp_path, disk):
    journal, told = Journal(tmp_path, 0), []
    disk.slow.clear()
    first, second = journal.append(b"1"), journal.append(b"2")
    threads = started((lambda: (journal.commit(second), told.append(read(tmp_path)[0])),))
    assert disk.waiting.wait(30)
    assert told == []
    disk.slow.set()
    threads[0].join()
    assert told == [[b"1", b"2"]]
    journal.commit(first)  # it is there already
    assert disk.syncs == 1


def test_a_record_waits_for_the_files_that_it_names_and_later_ones_for_it(tmp_path, monkeypatch):
    folder, bodies = tmp_path / "journal", tmp_path / "bodies"
    for one in (folder, bodies):
        one.mkdir()
    journal = Journal(folder, 0)
    body, synced, may_sync = bodies / "body", [], threading.Event()
    body.write_bytes(b"film")

    def sync(path):
        assert may_sync.wait(30)
        synced.append((path, read(folder)[0]))

    monkeypatch.setattr(module, "sync", sync)
    named, later = journal.append(b"names a file", [body]), journal.append(b"later")
    threads = started((journal.commit, later), (journal.commit, named))
    time.sleep(0.05)
    assert read(folder)[0] == []
    may_sync.set()
    for thread in threads:
        thread.join()
    assert synced == [(body, []), (bodies, [])]
    assert read(folder)[0] == [b"names a file", b"later"]


def test_names_and_contents_of_files_are_synced(tmp_path, monkeypatch):
    folder, body = tmp_path / "journal", tmp_path / "bodies" / "body"
    for one in (folder, body.parent):
        one.mkdir()
    body.touch()
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda file: synced.append(Path(f"/proc/self/fd/{file}").readlink())
    )
    journal = Journal(folder, 0)
    assert synced == [folder]
    journal.commit(journal.append(b"names a file", [body]))
    assert synced == [folder, body, body.parent]


def test_what_could_not_be_written_is_written_later_and_once(tmp_path, disk):
    journal = written(tmp_path, b"1")
    disk.full = True
    for payload in (b"2", b"3"):
        with pytest.raises(OSError, match="No space"):
            journal.commit(journal.append(payload))
    with pytest.raises(OSError, match="No space"):
        journal.retry()
    assert read(tmp_path) == ([b"1"], Tail(last=1, torn=0))
    journal.rotate()
    disk.full = False
    journal.retry()
    journal.retry()
    assert read(tmp_path) == ([b"1", b"2", b"3"], Tail(last=3, torn=0))


def test_all_that_wait_are_told_of_a_full_disk(tmp_path, disk):
    journal, told = Journal(tmp_path, 0), []
    disk.slow.clear()
    disk.full = True

    def commit(number):
        try:
            journal.commit(number)
        except OSError:
            told.append(number)

    threads = started((commit, journal.append(b"1")))
    assert disk.waiting.wait(30)
    threads += started(*((commit, journal.append(b"more")) for _ in range(3)))
    disk.slow.set()
    for thread in threads:
        thread.join()
    assert sorted(told) == [1, 2, 3, 4]


def test_a_file_that_may_not_grow_loses_nothing_that_was_stored(tmp_path):
    def work():
        journal = written(tmp_path, b"1" * 100)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
        number = journal.append(b"2" * 100)
        with pytest.raises(OSError, match="too large"):
            journal.commit(number)
        held = read(tmp_path)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        journal.retry()
        return held, read(tmp_path)

    held, after = Fork(work).result(30)
    assert held == ([b"1" * 100], Tail(last=1, torn=0))
    assert after == ([b"1" * 100, b"2" * 100], Tail(last=2, torn=0))
