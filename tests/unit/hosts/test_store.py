"""The state of the embedded AWS on disk: what a kill, a full disk and a new version leave of it."""

import json
import resource
import shutil
import threading
import time
from http import HTTPStatus
from pathlib import Path

import pytest
from moto.dynamodb.models import dynamodb_backends

from pipeline.core.errors import MissingDependency
from pipeline.hosts.local import server, snapshot
from pipeline.hosts.local import store as module
from pipeline.hosts.local.fork import Fork
from pipeline.hosts.local.signed_request import Rejected
from pipeline.hosts.local.store import LastRun, Store
from tests.fakes import stored


def in_a_copy(work):
    """Return the result of ``work``, whose effects on moto's state end with it."""
    stored.warm()
    return Fork(work).result(60)


def left(folder):
    """Return the content of a folder, as the next server finds it."""
    return in_a_copy(lambda: stored.opened(folder) and stored.content())


def begun(folder, *more):
    """Return requests to a new store."""
    store = stored.opened(folder)
    requests = stored.Requests(store)
    requests.make()
    for one in more:
        requests.send(one)
    return store, requests


def test_what_was_answered_is_there_after_a_kill(tmp_path):
    def work():
        _, requests = begun(tmp_path, "a", "b")
        requests.put("kept", b"film")
        requests.put("deleted", b"film")
        requests.put("large", b"x" * 100_000)
        requests.delete("deleted")
        return stored.content()

    before = in_a_copy(work)
    assert before == (["a", "b"], {"kept": b"film", "large": b"x" * 100_000})
    assert left(tmp_path) == before


def test_a_small_body_that_the_disk_lost_is_in_the_journal(tmp_path):
    def work():
        _, requests = begun(tmp_path)
        requests.put("k", b"film")

    in_a_copy(work)
    (body,) = (tmp_path / "bodies").iterdir()
    body.write_bytes(b"")
    assert left(tmp_path)[1] == {"k": b"film"}


def test_a_kill_at_any_step_of_a_snapshot_loses_nothing(tmp_path):
    folder = tmp_path / "aws"
    in_a_copy(lambda: begun(folder) and None)
    sent, objects = [], {}

    def save(arm):
        store = stored.opened(folder)
        requests = stored.Requests(store)
        requests.send(str(step))
        requests.put(f"{step}", b"%d" % step)
        requests.delete(f"{step - 1}")
        with arm():
            store.save()

    for step in range(1, 100):
        died = stored.killed(step, save, tmp_path / "steps")
        sent.append(str(step))
        objects = {str(step): b"%d" % step}
        assert left(folder) == (sent, objects), step
        if not died:
            break
    assert step > 8  # journal, bodies, state, rename, deletions
    assert not died
    # A whole snapshot leaves nothing of what it replaced.
    assert len(list((folder / "bodies").iterdir())) == 1
    assert len(list((folder / "journal").iterdir())) <= 2


def test_a_snapshot_and_its_bodies_are_on_the_disk_before_it_replaces_the_last(tmp_path):
    folder = tmp_path / "aws"

    def work():
        store, requests = begun(folder)
        requests.put("large", b"x" * 100_000)
        calls, replace = [], Path.replace
        snapshot.sync = lambda path: calls.append(path.name)
        Path.replace = lambda old, new: calls.append(f"{new.name} is new") or replace(old, new)
        store._snapshot._write(1)
        return calls

    body, *others = in_a_copy(work)
    assert body in {path.name for path in (folder / "bodies").iterdir()}
    assert others == ["bodies", "state.new", "state.pickle is new", "aws"]


def test_a_body_that_is_written_while_a_snapshot_is_taken_stays(tmp_path):
    def work():
        store, requests = begun(tmp_path)

        class Slow(Fork):
            def result(self, timeout_s):
                requests.put("new", b"x" * 100_000)
                return super().result(timeout_s)

        snapshot.Fork = Slow
        store.save()

    in_a_copy(work)
    assert left(tmp_path)[1] == {"new": b"x" * 100_000}


def test_a_snapshot_is_due_when_the_journals_of_several_runs_are_long(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_JOURNAL_BYTES", 8000)

    def work():
        store = stored.opened(tmp_path)
        stored.Requests(store).send("x" * 1000)
        store.save_if_due()
        return len(list((tmp_path / "journal").iterdir()))

    in_a_copy(lambda: begun(tmp_path) and None)
    files = [in_a_copy(work) for _ in range(8)]
    assert max(files) > 2
    assert min(files) == 1
    assert len(left(tmp_path)[0]) == 8


def test_requests_after_a_snapshot_are_added_to_it(tmp_path):
    def work():
        store, requests = begun(tmp_path, "before")
        store.save()
        requests.send("after")

    in_a_copy(work)
    assert left(tmp_path)[0] == ["before", "after"]


def test_a_full_disk_is_told_and_nothing_is_acknowledged_that_is_not_stored(tmp_path):
    folder = tmp_path / "aws"

    def work():
        store, requests = begun(folder, "first")
        told = []
        store._tell = told.append
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        (file,) = (folder / "journal").iterdir()
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 100, limits[1]))
        answers = []
        for do in (
            lambda: requests.send("x" * 1000),
            lambda: requests.put("k", b"x" * 50_000),
            lambda: requests.send("small"),
        ):
            with pytest.raises(Rejected) as raised:
                do()
            answers.append(raised.value)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        shutil.copytree(folder, tmp_path / "then")
        requests.send("last")
        return told, [(one.code, one.status, one.message) for one in answers]

    told, answers = in_a_copy(work)
    assert left(tmp_path / "then") == (["first"], {})
    for code, status, message in answers:
        assert (code, status) == ("SlowDown", HTTPStatus.SERVICE_UNAVAILABLE)
        assert "Free some space" in message
    assert len(told) == 1
    assert str(folder) in told[0]
    # What was in memory then is stored with the next; what was rejected at once never was.
    assert left(folder) == (["first", "x" * 1000, "last"], {})


def test_a_body_without_room_is_rejected_and_nothing_of_it_is_left(tmp_path):
    def work():
        _, requests = begun(tmp_path)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        with pytest.raises(Rejected):
            requests.put("k", b"x" * 50_000)
        requests.send("small ones go on")
        return stored.content(), list((tmp_path / "bodies").iterdir())

    assert in_a_copy(work) == ((["small ones go on"], {}), [])


def test_reading_and_looking_write_nothing(tmp_path):
    def work():
        store, requests = begun(tmp_path)
        size = store._journal.size
        requests.request(lambda: requests._sqs.receive_message("q", 1, 0, 30))
        return store._journal.size - size

    assert in_a_copy(work) == 0


def test_a_journal_of_another_moto_is_not_read_or_changed(tmp_path):
    in_a_copy(lambda: begun(tmp_path, "message") and None)
    state, (journal,) = tmp_path / "state.pickle", (tmp_path / "journal").iterdir()
    header, pickled = state.read_bytes().split(b"\n", 1)
    state.write_bytes(json.dumps(json.loads(header) | {"moto": "4.0.0"}).encode() + b"\n" + pickled)
    before = state.read_bytes(), journal.read_bytes()

    def work():
        with pytest.raises(MissingDependency) as raised:
            stored.opened(tmp_path)
        return raised.value.code

    assert in_a_copy(work) == "state_version"
    assert (state.read_bytes(), journal.read_bytes()) == before


def test_a_journal_that_an_older_version_went_on_without_is_not_replayed(tmp_path):
    in_a_copy(lambda: begun(tmp_path, "of before") and None)
    state = tmp_path / "state.pickle"
    before = {path: path.read_bytes() for path in (tmp_path / "journal").iterdir()}

    def work():
        store, requests = stored.opened(tmp_path), stored.Requests
        requests(store).send("of the older version")
        store.save()

    in_a_copy(work)
    header, pickled = state.read_bytes().split(b"\n", 1)
    older = {name: value for name, value in json.loads(header).items() if name != "number"}
    state.write_bytes(json.dumps(older).encode() + b"\n" + pickled)
    for path, content in before.items():
        path.write_bytes(content)
    assert left(tmp_path)[0] == ["of before", "of the older version"]
    assert left(tmp_path)[0] == ["of before", "of the older version"]


def items(attributes, table="t", *, keys=2, expire=True):
    """Make a table with items that have these attributes; they live until ``expires_at``."""
    db = dynamodb_backends[stored.ACCOUNT][stored.REGION]
    keys = [("pk", "HASH"), ("sk", "RANGE")][:keys]
    db.create_table(
        table,
        attr=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        schema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        indexes=[],
        global_indexes=[],
        streams={},
        billing_mode="PAY_PER_REQUEST",
        throughput={},
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    db.update_time_to_live(table, {"AttributeName": "expires_at", "Enabled": expire})
    for name, more in attributes.items():
        item = {"pk": {"S": "p"}, "sk": {"S": name}, **more}
        db.put_item(table, item, None, None, None, {}, overwrite=True)
    return db.tables[table].items


def test_what_has_expired_is_dropped_once_an_hour_while_it_runs(tmp_path, monkeypatch):
    def work():
        store, requests = begun(tmp_path)
        now, made = int(time.time()), []
        lives = {
            "old": {"expires_at": {"N": str(now - 9)}},
            "new": {"expires_at": {"N": str(now + 999)}},
            "no moment": {"expires_at": {"S": "1"}},
            "for ever": {},
        }
        requests.request(lambda: made.append(items(lives)))
        requests.request(lambda: made.append(items(lives, "kept", expire=False)))
        requests.request(lambda: items(lives, "of another program", keys=1))
        rows, kept = (next(iter(table.values())) for table in made)
        store.expire_if_due()
        before = len(rows)
        monkeypatch.setattr(module, "_EXPIRE_EVERY_S", 0)
        store.expire_if_due()
        return before, [key.value for key in rows], len(kept)

    assert in_a_copy(work) == (4, ["new", "no moment", "for ever"], 4)


def test_saving_continues_after_a_failure(monkeypatch, caplog):
    stopping, saves = threading.Event(), []

    class Failing:
        folder = "there"

        def expire_if_due(self):
            pass

        def save_if_due(self):
            saves.append(1)
            if len(saves) == 1:
                raise OSError("disk full")
            stopping.set()

    monkeypatch.setattr(server, "_LOOK_S", 0.01)
    server.save_until(stopping, Failing())
    assert len(saves) == 2
    assert "trying again" in caplog.text


def test_a_folder_is_closed_to_others(tmp_path):
    store = Store(tmp_path / "new" / "aws")
    assert store.folder.stat().st_mode & 0o777 == 0o700
    store.folder.chmod(0o755)
    with pytest.raises(MissingDependency) as raised:
        Store(store.folder)
    assert raised.value.code == "state_not_private"


def test_the_message_after_a_crash_says_what_was_kept():
    assert LastRun(clean=True).message() is None
    assert "Everything that it acknowledged is there" in LastRun(clean=False).message()
    assert "17 bytes" in LastRun(clean=False, torn=17).message()
    older = LastRun(clean=False, journaled=False).message()
    assert "10 s" in older
    assert LastRun(clean=True, journaled=False).message() is None


def test_a_server_without_keys_says_which_is_missing(monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(MissingDependency, match="Set AWS_SECRET_ACCESS_KEY") as raised:
        server._keys()
    assert raised.value.code == "no_keys"
