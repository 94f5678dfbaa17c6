import fcntl
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace

import pytest

from pipeline.core.errors import BadInput, DependencyFailed, MissingDependency
from pipeline.stages.models import registry, store, weights
from tests.fakes.models import Server, checkpoint, one_file

CONTENT = b"weights " * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch, model_host):
    server = Server({"tiny.pt": CONTENT})
    monkeypatch.setitem(registry.models(), "tiny.pt", one_file("tiny.pt", CONTENT, server.url))
    model_host(fetch=True)
    yield server
    server.stop()


@pytest.fixture
def model_dir(tmp_path, model_host):
    directory = tmp_path / "models"
    model_host(model_dir=directory)
    return directory


@pytest.fixture
def sample_dir(tmp_path, monkeypatch):
    (tmp_path / "whisper-shapes.pt").write_bytes(CONTENT)
    (tmp_path / "SHA256SUMS").write_text(f"{SHA256}  whisper-shapes.pt\n")
    monkeypatch.setattr(store, "samples", lambda: tmp_path)
    return tmp_path


def test_official_weights_are_fetched_once_and_then_found(server, model_dir):
    first = weights.resolve("tiny.pt")
    assert first == weights.Weights(
        "tiny.pt", model_dir / "tiny.pt", SHA256, "official", "torch", "speech"
    )
    assert first.path.read_bytes() == CONTENT
    assert weights.resolve("tiny.pt") == first
    assert server.requests == ["tiny.pt"]


@pytest.mark.usefixtures("model_dir")
def test_a_download_reports_its_progress(server, caplog):
    with caplog.at_level(logging.INFO):
        weights.resolve("tiny.pt")
    assert f"{server.url}/tiny.pt" in caplog.text
    assert "MB" in caplog.text


def test_two_processes_that_need_the_same_weights_fetch_them_once(server, model_dir):
    model_dir.mkdir()
    results = []
    with (model_dir / "tiny.pt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process downloads …
        waiting = threading.Thread(target=lambda: results.append(weights.resolve("tiny.pt")))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        (model_dir / "tiny.pt").write_bytes(CONTENT)  # … and ends
    waiting.join()
    assert results[0].sha256 == SHA256
    assert not server.requests


def test_a_download_with_other_bytes_is_rejected_and_leaves_nothing(server, model_dir):
    server.files["tiny.pt"] = CONTENT[::-1]
    with pytest.raises(MissingDependency) as caught:
        weights.resolve("tiny.pt")
    assert caught.value.code == "model_checksum"
    assert [path.name for path in model_dir.iterdir()] == ["tiny.pt.lock"]


def test_a_download_that_breaks_off_can_be_retried(server, model_dir):
    server.breaks_after = 100
    with pytest.raises(DependencyFailed) as caught:
        weights.resolve("tiny.pt")
    assert caught.value.code == "model_download"
    assert not (model_dir / "tiny.pt").exists()
    server.breaks_after = None
    assert weights.resolve("tiny.pt").sha256 == SHA256


@pytest.mark.usefixtures("server")
def test_leftovers_of_a_killed_download_do_no_harm(model_dir):
    model_dir.mkdir()
    (model_dir / "tiny.pt.part").write_bytes(b"x" * 10 * len(CONTENT))
    assert weights.resolve("tiny.pt").path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (503, DependencyFailed, "model_download"),
        (404, MissingDependency, "model_unavailable"),
    ],
)
@pytest.mark.usefixtures("model_dir")
def test_only_a_server_error_is_retried(server, status, kind, code):
    server.status = status
    with pytest.raises(kind) as caught:
        weights.resolve("tiny.pt")
    assert caught.value.code == code


def test_the_offline_error_says_which_file_to_put_where_and_what_needs_no_network(
    server, model_dir
):
    server.stop()
    with pytest.raises(MissingDependency) as caught:
        weights.resolve("tiny.pt")
    assert caught.value.code == "model_unavailable"
    for hint in (f"{server.url}/tiny.pt", str(model_dir / "tiny.pt"), "whisper-shapes"):
        assert hint in caught.value.message


@pytest.mark.usefixtures("server")
def test_a_model_directory_that_cannot_be_made_is_a_missing_dependency(tmp_path, model_host):
    (tmp_path / "file").touch()
    model_host(model_dir=tmp_path / "file" / "models")
    with pytest.raises(MissingDependency, match="model_unavailable"):
        weights.resolve("tiny.pt")


@pytest.fixture
def image(model_dir, tmp_path, monkeypatch):
    """Return the /tmp of an image whose model directory is read-only for any user."""
    model_dir.mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, how: path != model_dir and access(path, how))
    return tmp_path / "tmp"


def test_weights_that_a_read_only_image_lacks_are_kept_where_it_may_write(
    server, image, model_dir, caplog
):
    first = weights.resolve("tiny.pt")
    assert first.path.is_relative_to(image)
    assert first.path.parent.stat().st_mode & 0o777 == 0o700
    assert weights.resolve("tiny.pt") == first
    assert server.requests == ["tiny.pt"]
    assert list(model_dir.iterdir()) == []
    assert caplog.text.count("WEIGHTS") == 1  # not once per job


@pytest.mark.usefixtures("image")
def test_weights_in_a_read_only_image_are_taken_from_there(server, model_dir):
    (model_dir / "tiny.pt").write_bytes(CONTENT)
    assert weights.resolve("tiny.pt").path == model_dir / "tiny.pt"
    assert not server.requests


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("theirs", ["owner", "link"])
def test_weights_are_never_kept_in_a_folder_of_another_user(image, model_dir, theirs, monkeypatch):
    spare = image / f"videodrop-models-{os.getuid()}"
    if theirs == "link":
        (image / "elsewhere").mkdir()
        spare.symlink_to(image / "elsewhere")
    else:
        spare.mkdir()
        uid = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: uid + 1)
        spare.rename(image / f"videodrop-models-{uid + 1}")
    assert weights.resolve("tiny.pt").path.parent == model_dir


@pytest.mark.usefixtures("server", "model_dir")
def test_official_weights_changed_on_disk_are_rejected():
    path = weights.resolve("tiny.pt").path
    path.write_bytes(CONTENT + b"!")
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("tiny.pt")


def test_sample_weights_are_checked_against_their_list(sample_dir):
    found = weights.resolve("whisper-shapes.pt")
    assert found == weights.Weights(
        "whisper-shapes.pt",
        sample_dir / "whisper-shapes.pt",
        SHA256,
        "sample",
        "torch",
        "speech",
        "116 English words",
    )
    found.path.write_bytes(b"tampered")
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("whisper-shapes.pt")


def test_sample_weights_that_are_not_listed_are_rejected(sample_dir):
    (sample_dir / "SHA256SUMS").write_text("")
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("whisper-shapes.pt")


def test_missing_sample_weights_are_never_replaced_by_another_model(sample_dir):
    with pytest.raises(MissingDependency, match="model_unavailable"):
        weights.resolve("yolo-shapes.pt")
    (sample_dir / "SHA256SUMS").unlink()
    with pytest.raises(MissingDependency, match="model_unavailable"):
        weights.resolve("whisper-shapes.pt")


def test_a_conversion_that_lost_a_file_is_rejected(tmp_path):
    model = replace(registry.models()["base"], files=(), made_from="base.pt")
    (tmp_path / "checked.json").write_text('{"files": {"model.bin": ["1", 1, 1]}}')
    with pytest.raises(MissingDependency, match=r"it lacks model\.bin"):
        store.check(model, tmp_path)


def test_digests_are_recorded_only_where_that_is_possible(tmp_path, monkeypatch):
    def read_only(*_):
        raise PermissionError

    monkeypatch.setattr(store, "_write_checked", read_only)
    store.record(tmp_path)


def test_a_file_given_by_path_is_identified_by_its_digest(tmp_path):
    path = tmp_path / "mine.pt"
    checkpoint(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.resolve(str(path)) == weights.Weights(str(path), path, sha256, "local", "torch")
    checkpoint(path, "!")
    assert weights.digest(str(path)) != sha256


def test_a_digest_is_not_computed_again_for_the_same_file(tmp_path, monkeypatch):
    path = tmp_path / "mine.pt"
    path.write_bytes(CONTENT)
    store.file_sha256(path)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    assert store.file_sha256(path) == SHA256


def test_a_missing_file_given_by_path_is_a_missing_dependency(tmp_path):
    with pytest.raises(MissingDependency, match="model_unavailable"):
        weights.resolve(str(tmp_path / "none.pt"))


def test_a_bare_name_is_never_a_path(tmp_path, monkeypatch):
    checkpoint(tmp_path / "mine.pt")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="unknown_model"):
        weights.resolve("mine.pt")
    assert weights.resolve("./mine.pt").origin == "local"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(BadInput, match="unknown_model") as caught:
        weights.resolve("tinny")
    assert "large-v3" in caught.value.message
    assert "yolo11n.pt" in caught.value.message


@pytest.mark.usefixtures("model_dir")
def test_a_pinned_digest_needs_no_download(server):
    assert weights.digest("tiny.pt") == SHA256
    assert not server.requests


@pytest.mark.usefixtures("sample_dir")
def test_finding_weights_imports_no_model_library():
    code = (
        "import sys; from pipeline.stages.models import weights; weights.digest('turbo');"
        "assert not {'torch', 'whisper', 'ultralytics', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
