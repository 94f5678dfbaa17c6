"""The fetching of models: sources, resuming, full disks, and crashes at any point."""

import errno
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.core.errors import DependencyFailed, MissingDependency
from pipeline.stages.models import download, package_index, registry, store, weights
from tests.fakes.models import Server, checkpoint, folder, one_file

BIG = bytes(range(256)) * 8192  # 2 MiB
SMALL = {"config.json": b"{}", "vocabulary.txt": b"a\nb"}
FILES = {**SMALL, "model.bin": BIG}


@pytest.fixture
def model_dir(tmp_path, model_host):
    directory = tmp_path / "models"
    model_host(model_dir=directory, fetch=True)
    return directory


@pytest.fixture
def server(monkeypatch):
    """Serve the model ``base``, a folder, and ``yolox-s``, a file."""
    server = Server({**FILES, "yolox_s.onnx": BIG})
    offer(monkeypatch, server.url)
    monkeypatch.setattr(package_index, "PACKAGES", {})
    yield server
    server.stop()


def offer(monkeypatch, url):
    monkeypatch.setitem(registry.models(), "base", folder("base", FILES, url))
    objects = one_file("yolox_s.onnx", BIG, url, kind="objects", form="onnx", path="yolox_s.onnx")
    monkeypatch.setitem(registry.models(), "yolox-s", objects)


def content(path):
    return {file.name: file.read_bytes() for file in path.iterdir() if file.name in FILES}


def names(path):
    return {file.name for file in path.iterdir()}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_a_folder_appears_whole_and_is_named_by_its_weights(server, model_dir):
    found = weights.resolve("base")
    assert (found.path, found.sha256, found.form) == (
        model_dir / "base",
        sha256(BIG),
        "ctranslate2",
    )
    assert content(found.path) == FILES
    assert names(model_dir) == {"base", "base.lock"}
    assert weights.resolve("base") == found
    assert sorted(server.requests) == sorted(FILES)


def test_a_broken_download_goes_on_where_it_ended(server, model_dir):
    server.breaks_after = 1 << 20
    assert weights.resolve("yolox-s").path.read_bytes() == BIG  # its second try brings the rest
    assert server.ranges == [None, f"bytes={1 << 20}-"]
    assert model_dir.is_dir()


def test_a_later_process_goes_on_with_a_file_and_keeps_complete_ones(server, model_dir):
    del server.files["model.bin"]
    with pytest.raises(MissingDependency):
        weights.resolve("base")
    assert not (model_dir / "base").exists()
    (model_dir / "base.part" / "model.bin.part").write_bytes(BIG[:1000])
    (model_dir / "base.part" / "other.bin").write_bytes(BIG[:1000])
    server.files["model.bin"] = BIG
    server.requests.clear()
    server.ranges.clear()
    assert content(weights.resolve("base").path) == FILES
    assert names(model_dir / "base") == {*FILES, "checked.json"}
    assert (server.requests, server.ranges) == (["model.bin"], ["bytes=1000-"])


def test_a_complete_file_of_an_earlier_process_is_read_again(server, model_dir):
    """Read it again: a file that is published is recorded as pinned."""
    part = model_dir / "base.part"
    part.mkdir(parents=True)
    (part / "config.json").write_bytes(b"[]")
    stat = (part / "config.json").stat()
    row = [sha256(b"{}"), stat.st_size, stat.st_mtime_ns]
    (part / "checked.json").write_text(json.dumps({"files": {"config.json": row}}))
    assert content(weights.resolve("base").path) == FILES
    assert sorted(server.requests) == sorted(FILES)


def test_a_part_that_is_longer_than_what_the_server_has_is_given_up(server, model_dir):
    model_dir.mkdir()
    (model_dir / "yolox_s.onnx.part").write_bytes(BIG[:1000])
    server.files["yolox_s.onnx"] = BIG[:500]
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("yolox-s")
    assert server.ranges == ["bytes=1000-", None]


@pytest.mark.usefixtures("model_dir")
def test_a_server_without_ranges_sends_it_again(server):
    server.resumes = False
    server.breaks_after = 1 << 20
    with pytest.raises(DependencyFailed, match="model_download"):
        weights.resolve("yolox-s")
    server.breaks_after = None
    assert weights.resolve("yolox-s").path.read_bytes() == BIG


@pytest.mark.parametrize("left", [b"other" * 100, BIG[:-1] + b"!", BIG + b"more"])
@pytest.mark.usefixtures("server")
def test_a_part_with_other_bytes_is_not_built_upon(model_dir, left):
    model_dir.mkdir()
    (model_dir / "yolox_s.onnx.part").write_bytes(left)
    assert weights.resolve("yolox-s").path.read_bytes() == BIG


@pytest.mark.parametrize("wrong", [BIG[::-1], BIG * 2, BIG[:-1], b""])
def test_a_file_that_is_not_the_pinned_one_is_refused_and_removed(server, model_dir, wrong):
    server.files["yolox_s.onnx"] = wrong
    counts = []
    bars = SimpleNamespace(start=lambda *_: counts.append)
    with pytest.raises(MissingDependency, match=r"is not the pinned yolox_s\.onnx") as caught:
        weights.resolve("yolox-s", progress=bars)
    assert caught.value.code == "model_checksum"
    assert sum(counts) <= len(BIG) + download._BLOCK, "a server may send without end"
    assert names(model_dir) == {"yolox_s.onnx.lock"}


@pytest.mark.parametrize(
    "broken",
    [
        TimeoutError("slow"),
        ConnectionResetError("cut"),
        ssl.SSLError("changed"),
        http.client.IncompleteRead(b""),
    ],
)
def test_a_transfer_that_breaks_may_be_retried(model_dir, monkeypatch, broken):
    def urlopen(_request, *, timeout):
        assert 0 < timeout <= 60, "a server may say nothing"
        raise broken

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(DependencyFailed, match="model_download"):
        weights.resolve("yolox-s")
    assert not (model_dir / "yolox_s.onnx").exists()


def test_a_model_is_on_the_disk_before_it_has_its_name(server, model_dir, monkeypatch):
    synced = []

    def fsync(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fsync", fsync)
    weights.resolve("base")
    assert server.requests
    assert model_dir.name == "models"
    assert synced == [*sorted(FILES), "checked.json.part", "base.part", "models"]


def test_what_does_not_fit_on_the_disk_is_not_begun(server, model_dir, monkeypatch):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: SimpleNamespace(total=0, used=0, free=len(BIG) - 1)
    )
    with pytest.raises(MissingDependency, match=r"needs 2 MB .* 2 MB are free") as caught:
        weights.resolve("yolox-s")
    assert caught.value.code == "no_space"
    assert not server.requests
    assert not (model_dir / "yolox_s.onnx").exists()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_leaves_nothing_to_be_used(model_dir, monkeypatch, why):
    real = Path.open

    def full(self, mode="r", *args, **kwargs):
        if self.name == "model.bin.part" and mode == "wb":
            raise OSError(why, os.strerror(why))
        return real(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(MissingDependency, match=os.strerror(why)):
        weights.resolve("base")
    assert names(model_dir) <= {"base.lock"}
    monkeypatch.undo()


def test_a_mirror_is_asked_after_the_publisher_and_held_to_the_same_digest(
    server, model_dir, model_host, monkeypatch
):
    offer(monkeypatch, "http://127.0.0.1:9")  # nothing listens
    server.files = {f"base/{name}": data for name, data in FILES.items()}
    model_host(mirror=f"{server.url}/")
    assert content(weights.resolve("base").path) == FILES
    server.files["yolox_s.onnx"] = BIG[::-1]
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("yolox-s")
    assert not (model_dir / "yolox_s.onnx").exists()


def test_a_folder_of_another_host_is_a_mirror(server, model_dir, model_host, tmp_path):
    weights.resolve("base")
    weights.resolve("yolox-s")
    server.status = 404
    model_host(model_dir=tmp_path / "other", mirror=str(model_dir))
    assert content(weights.resolve("base").path) == FILES
    assert weights.resolve("yolox-s").path.read_bytes() == BIG


def test_without_network_one_sentence_says_what_to_do(model_dir, monkeypatch):
    offer(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setattr(package_index, "PACKAGES", {})
    with pytest.raises(MissingDependency) as caught:
        weights.resolve("base")
    assert caught.value.code == "model_unavailable"
    reason = os.strerror(errno.ECONNREFUSED)
    for said in (str(model_dir / "base"), "whisper-shapes"):
        assert said in caught.value.message
    assert caught.value.message.count(reason) == 1, "one file is enough to know"


def test_where_fetching_is_off_nothing_is_asked(server, model_dir, model_host):
    model_host(fetch=False)
    with pytest.raises(MissingDependency, match="VIDEODROP_FETCH is false"):
        weights.resolve("base")
    assert not server.requests
    assert not model_dir.exists()


def test_processes_that_need_the_same_folder_fetch_it_once(server, model_dir):
    weights.resolve("base")
    with (model_dir / "base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert weights.resolve("base").path.is_dir(), "a model that is here needs no lock"
    assert sorted(server.requests) == sorted(FILES)


SLOW = """
import sys
from pathlib import Path
from types import SimpleNamespace
from pipeline.stages.models import fetch, host, registry, store
from tests.fakes.models import folder
import tests.unit.stages.test_fetch as here
host.use(host.ModelHost(model_dir=Path(sys.argv[2])))
model = folder("base", here.FILES, sys.argv[1])
class Slow:
    def start(self, name, size, done):
        print(name, flush=True)
        def add(count):
            if name == "model.bin":
                sys.stdin.read()
        return add
fetch.fetch(model, store.place("base"), Slow())
"""


def test_a_process_killed_while_it_fetches_leaves_nothing_usable(server, model_dir):
    command = [sys.executable, "-c", SLOW, server.url, str(model_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while process.stdout.readline().strip() != b"model.bin":
            pass
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert not (model_dir / "base").exists()
    assert not weights.is_here("base")
    assert content(weights.resolve("base").path) == FILES


def test_a_crash_before_the_last_rename_leaves_nothing_usable(server, model_dir, monkeypatch):
    real = Path.replace

    def crash(self, target):
        if Path(target).name == "base":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        weights.resolve("base")
    assert not weights.is_here("base")
    monkeypatch.setattr(Path, "replace", real)
    assert content(weights.resolve("base").path) == FILES
    assert sorted(server.requests) == sorted(FILES)
    assert names(model_dir) == {"base", "base.lock"}


# -- the package index ---------------------------------------------------------------------------


def test_the_pins_of_the_packages_model_are_those_of_its_publisher():
    (packages,) = package_index.PACKAGES.values()
    assert [package.rpartition("==")[2] for package in packages] == ["1.0.0", "1.0.0"]
    assert registry.models()["base"].sha256.startswith("d01c3014881c")
    assert registry.models()["base"].files[1].size == 145_217_532


def test_progress_counts_what_is_here_already(server, model_dir):
    seen = []

    class Bars:
        def start(self, name, size, done):
            seen.append([name, size, done])
            return seen[-1].append

    model_dir.mkdir()
    (model_dir / "yolox_s.onnx.part").write_bytes(BIG[:1000])
    weights.resolve("yolox-s", progress=Bars())
    ((name, size, done, *counts),) = seen
    assert (name, size, done) == ("yolox_s.onnx", len(BIG), 1000)
    assert done + sum(counts) == size
    assert server.ranges == ["bytes=1000-"]


def test_logged_progress_is_a_line_for_each_tenth(caplog):
    with caplog.at_level("INFO"):
        add = download.Logged().start("x", 100 << 20, 0)
        for _ in range(100):
            add(1 << 20)
    assert len(caplog.records) == 10


def test_recorded_digests_hold_while_size_and_time_do(server, model_dir, monkeypatch):
    path = weights.resolve("yolox-s").path
    assert model_dir in path.parents
    assert server.requests
    store._sha256.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("read again"))
        assert weights.resolve("yolox-s").path == path
    data = bytearray(BIG)
    data[0] ^= 1
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("yolox-s")
    path.write_bytes(BIG[:-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("yolox-s")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("damaged", [b"{", b"[]"])
def test_without_recorded_digests_a_model_is_read(model_dir, damaged):
    found = weights.resolve("yolox-s")
    (model_dir / ".yolox_s.onnx.checked.json").write_bytes(damaged)
    assert weights.resolve("yolox-s") == found


def test_verifying_reads_everything_again(server, model_dir):
    path = weights.resolve("yolox-s").path
    assert server.requests
    assert model_dir in path.parents
    assert weights.verify("yolox-s").path == path
    stat = path.stat()
    data = bytearray(BIG)
    data[0] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.verify("yolox-s")


def test_a_folder_that_lost_a_file_is_not_used_and_fetched_again(server, model_dir, model_host):
    weights.resolve("base")
    (model_dir / "base" / "vocabulary.txt").unlink()
    assert not weights.is_here("base")
    model_host(fetch=False)
    with pytest.raises(MissingDependency, match="model_unavailable"):
        weights.resolve("base")
    model_host(fetch=True)
    assert content(weights.resolve("base").path) == FILES
    assert server.requests.count("model.bin") == 2


def test_a_file_of_the_operator_is_not_looked_up_in_the_table(tmp_path):
    checkpoint(tmp_path / "base.pt")
    assert weights.resolve(str(tmp_path / "base.pt")).origin == "local"
