"""The commands ``models``, the fetching before ``up`` and ``run``, and what the doctor finds."""

import json
import os
import sys

import pytest

from pipeline.hosts.local import stack
from pipeline.stages.detect import export
from pipeline.stages.models import conversion, package_index, registry, store, weights
from tests.conftest import forget_process_state, topology_with
from tests.fakes.models import Server, checkpoint, folder, one_file

ONNX = b"\x08 a detector"
FILES = {
    "config.json": b"{}",
    "vocabulary.txt": b"a",
    "model.bin": b"\x06\0\0\0\x0c\0WhisperSpec\0",
}


@pytest.fixture(autouse=True)
def models(monkeypatch, tmp_path):
    """Set a machine without AWS, with an empty folder of models; return the folder."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    topology = topology_with({"toy": "tests.fakes.modelstage"}, tmp_path / "t.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(topology))
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VIDEODROP_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("VIDEODROP_FETCH", "true")
    monkeypatch.setenv("VIDEODROP_DEVICE", "cpu")
    monkeypatch.setattr(package_index, "PACKAGES", {})
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "yolo-shapes.onnx").write_bytes(ONNX)
    pin = one_file("yolo-shapes.onnx", ONNX, "").files[0].sha256
    (tmp_path / "samples" / "SHA256SUMS").write_text(f"{pin}  yolo-shapes.onnx\n")
    monkeypatch.setattr(store, "samples", lambda: tmp_path / "samples")
    offer(monkeypatch, "http://127.0.0.1:9")
    forget_process_state()
    yield tmp_path / "models"
    forget_process_state()


def offer(monkeypatch, url):
    known = one_file("yolox_s.onnx", ONNX, url, kind="objects", form="onnx", name="yolox-s")
    monkeypatch.setitem(registry.models(), "yolox-s", known)
    monkeypatch.setitem(registry.models(), "base", folder("base", FILES, url))


@pytest.fixture
def server(monkeypatch):
    server = Server(FILES | {"yolox_s.onnx": ONNX})
    offer(monkeypatch, server.url)
    yield server
    server.stop()


def test_models_are_fetched_by_name_and_listed(cli, server, models):
    ended = cli("models", "fetch", "base", "yolox-s")
    assert ended.code == 0, ended.err
    assert f"base: fetched, {models / 'base'}" in ended.out
    assert cli("models", "fetch", "base").out.startswith("base: was here")
    assert len(server.requests) == len(FILES) + 1
    listed = cli("models", "list", "--json").json
    rows = {row["name"]: row for row in listed["models"]}
    assert listed["auto"] == {"speech": "base", "objects": "yolox-s"}
    assert rows["base"]["state"] == rows["yolox-s"]["state"] == "here"
    assert rows["turbo" if "turbo" in rows else "large-v3-turbo"]["state"] == "not here"
    assert rows["yolo-shapes"]["state"] == "demonstration"
    assert rows["yolo11n.pt"]["licence"] == "AGPL-3.0"
    text = cli("models", "list").out
    assert "large-v3-turbo or turbo" in text
    assert "auto: base (speech), yolox-s (objects)" in text


def test_by_default_what_the_stages_use_is_fetched(cli, server, models):
    found = cli("models", "fetch", "--json").json["models"]
    assert [one["name"] for one in found] == ["yolox-s"]
    assert found[0]["path"] == str(models / "yolox_s.onnx")
    assert server.requests == ["yolox_s.onnx"]


def test_without_network_fetching_ends_with_6_and_one_sentence(cli, models):
    ended = cli("models", "fetch", "yolox-s")
    assert ended.code == 6
    assert len(ended.err.strip().splitlines()) == 1
    assert str(models / "yolox_s.onnx") in ended.err
    assert cli("models", "fetch", "yolox-s", "--json").error["code"] == "model_unavailable"


@pytest.mark.parametrize("command", ["fetch", "verify", "export", "remove"])
def test_an_unknown_model_ends_with_3(cli, command):
    assert cli("models", command, "nosuch").code == 3


@pytest.mark.usefixtures("server")
def test_verifying_reads_what_is_here(cli, models):
    cli("models", "fetch", "yolox-s")
    assert cli("models", "verify").code == 0
    path = models / "yolox_s.onnx"
    stat = path.stat()
    path.write_bytes(ONNX[:-1] + b"X")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ended = cli("models", "verify", "--json")
    verdicts = {one["name"]: one["verdict"] for one in ended.json["models"]}
    assert (ended.code, verdicts) == (1, {"yolox-s": "missing", "yolo-shapes": "ok"})
    assert cli("models", "verify", "base").code == 1, "it is not here"


def test_a_checkpoint_is_converted_and_used_by_its_path(cli, models, tmp_path, monkeypatch):
    def convert(source, words, target, *, sha256):  # noqa: ARG001 - the converter's interface
        target.mkdir()
        for name, data in FILES.items():
            (target / name).write_bytes(data)

    monkeypatch.setattr(conversion, "convert", convert)
    checkpoint(tmp_path / "mine.pt")
    known = folder("tiny.en", FILES, "http://127.0.0.1:9")
    monkeypatch.setitem(registry.models(), "tiny.en", known)
    (tmp_path / "vocabulary.txt").write_bytes(FILES["vocabulary.txt"])
    said = cli("models", "convert", tmp_path / "mine.pt", "--json").json
    assert said["path"] == str(models / "mine")
    assert weights.resolve(said["path"]).form == "ctranslate2"
    assert said["use"] == f"VIDEODROP_PARAMS__TRANSCRIBE__MODEL={models / 'mine'}"
    for name in ("base", "a/b", "..", "turbo"):
        assert cli("models", "convert", tmp_path / "mine.pt", "--name", name).code == 2
    assert cli("models", "convert", tmp_path / "none.pt").code == 2
    (tmp_path / "broken.pt").write_bytes(b"PK\x03\x04")
    ended = cli("models", "convert", tmp_path / "broken.pt")
    assert (ended.code, "model_format" in ended.err) == (6, True)
    assert cli("models", "remove", "mine").code == 0
    assert not (models / "mine").exists()


def test_a_detector_is_exported_once_and_used_by_its_name(cli, models, monkeypatch, tmp_path):
    pt = tmp_path / "mirror" / "yolo11n.pt"
    pt.parent.mkdir()
    checkpoint(pt)
    known = one_file("yolo11n.pt", pt.read_bytes(), "http://127.0.0.1:9", kind="objects")
    monkeypatch.setitem(registry.models(), "yolo11n.pt", known)
    monkeypatch.setenv("VIDEODROP_MODEL_MIRROR", str(pt.parent))

    def fake(weights, into):
        (into / f"{weights.path.stem}-1.onnx").write_bytes(ONNX)
        return into / f"{weights.path.stem}-1.onnx"

    monkeypatch.setattr(export, "export", fake)
    said = cli("models", "export", "yolo11n.pt", "--json").json
    assert said["path"] == str(models / "yolo11n.onnx")
    assert said["use"] == "VIDEODROP_PARAMS__DETECT__MODEL=yolo11n.onnx"
    assert weights.resolve("yolo11n.onnx").path.read_bytes() == ONNX
    assert cli("models", "export", "yolox-s").code == 2


@pytest.mark.usefixtures("server")
def test_a_model_is_removed_with_all_that_is_kept_of_it(cli, models):
    cli("models", "fetch", "yolox-s", "base")
    for name in ("yolox-s", "base"):
        assert cli("models", "remove", name).code == 0
        assert cli("models", "remove", name).code == 3
    assert list(models.iterdir()) == []
    assert cli("models", "remove", "yolo-shapes").code == 2
    assert cli("models", "remove", "../models").code == 3


# -- before a start ------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch):
    """Replace the stack by one that records the models that are here at its start."""
    starts = []

    class Fake:
        def __init__(self, *_args, **_options):
            pass

        def run(self):
            starts.append(weights.choose("auto", "objects"))

    monkeypatch.setattr(stack, "Stack", Fake)
    return starts


def test_up_fetches_what_its_stages_use_before_it_starts_them(cli, server, started):
    ended = cli("up")
    assert ended.code == 0, ended.err
    assert started == ["yolox-s"]
    assert "yolox-s (0 MB, MIT)" in ended.err
    server.requests.clear()
    assert cli("up").err == ""
    assert not server.requests, "what is here is not asked for again"


def test_up_without_network_says_so_in_one_line_and_starts(cli, started):
    ended = cli("up")
    assert ended.code == 0
    assert started == ["yolo-shapes"]
    assert sum("Going on without yolox-s" in line for line in ended.err.splitlines()) == 1


def test_up_fetches_nothing_where_that_is_off(cli, server, started, monkeypatch):
    monkeypatch.setenv("VIDEODROP_FETCH", "false")
    assert cli("up").err == ""
    assert (started, server.requests) == (["yolo-shapes"], [])


def test_a_model_that_the_operator_names_is_fetched(cli, server, started, monkeypatch):
    monkeypatch.setenv("VIDEODROP_PARAMS", json.dumps({"toy": {"model": "base"}}))
    cli("up")
    assert sorted(server.requests) == sorted(FILES)
    assert started


def test_run_fetches_the_model_of_its_stage(cli, server, clip, tmp_path):
    ended = cli("run", "toy", clip, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["summary"] == {"model": "yolox-s"}
    assert ended.json["warnings"] == []
    assert server.requests == ["yolox_s.onnx"]


def test_a_run_with_a_demonstration_model_says_so(cli, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEODROP_FETCH", "false")
    out = cli("run", "toy", clip, "--out", tmp_path / "out").out
    assert "Demonstration model: knows seven shapes." in out


def test_with_json_a_run_prints_nothing_but_json(cli, server, clip, tmp_path):
    assert server.url
    ended = cli("run", "toy", clip, "--out", tmp_path / "out", "--json")
    assert ended.err == ""


# -- the doctor ----------------------------------------------------------------------------------


def test_the_doctor_names_the_models_and_what_auto_means(cli, server):
    def found():
        return {one["what"]: one for one in cli("doctor", "--json").json["findings"]}

    before = found()["model for objects"]
    assert before["verdict"] == "optional"
    assert "auto is yolo-shapes, which knows seven shapes" in before["detail"]
    assert before["fix"] == "videodrop models fetch yolox-s"
    cli("models", "fetch", "yolox-s")
    assert server.requests
    after = found()["model for objects"]
    assert (after["verdict"], after["detail"]) == ("ok", "auto is yolox-s")


def test_no_command_imports_a_model_library(cli):
    before = set(sys.modules)
    cli("models", "list")
    assert not {"torch", "ctranslate2", "onnxruntime"} & (set(sys.modules) - before)
