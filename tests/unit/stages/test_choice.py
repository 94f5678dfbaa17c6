"""The model that ``auto`` means, other formats of a model, and files of the operator."""

import ast
import hashlib
import importlib.util
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest

from pipeline.core.errors import BadInput, MissingDependency
from pipeline.stages.models import (
    conversion,
    formats,
    host,
    making,
    registry,
    store,
    vocabulary,
    weights,
)
from tests.fakes.models import Server, checkpoint, folder, one_file, place

KINDS = ("speech", "objects")
CONVERTED = b"\x06\x00\x00\x00\x0c\x00WhisperSpec\x00 and weights"


@pytest.fixture
def model_dir(tmp_path, model_host):
    directory = tmp_path / "models"
    directory.mkdir()
    model_host(model_dir=directory, fetch=False, device="cpu")
    return directory


@pytest.fixture
def converter(monkeypatch):
    """Replace the converter by one that writes its arguments; return its calls."""
    calls = []

    def convert(source, words, target, *, sha256):
        calls.append((source, words))
        assert sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
        target.mkdir()
        (target / "model.bin").write_bytes(CONVERTED + source.read_bytes()[:10])
        (target / "config.json").write_text("{}")
        (target / "vocabulary.txt").write_text("a\n")

    monkeypatch.setattr(conversion, "convert", convert)
    return calls


# -- auto ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("model_dir")
@pytest.mark.parametrize("kind", KINDS)
def test_without_a_model_auto_is_the_demonstration_model(kind):
    assert weights.choose("auto", kind) == registry.DEMONSTRATION[kind]


def test_auto_is_the_best_model_that_is_here(model_dir, model_host):
    (model_dir / "yolox_nano.onnx").touch()
    assert weights.choose("auto", "objects") == "yolox-nano"
    (model_dir / "yolox_s.onnx").touch()
    assert weights.choose("auto", "objects") == "yolox-s"
    place(registry.get("turbo"), model_dir)
    assert weights.choose("auto", "speech") == "whisper-shapes", "turbo is too slow on a CPU"
    model_host(device="cuda")
    assert weights.choose("auto", "speech") == "turbo"
    place(registry.get("base"), model_dir)
    assert weights.choose("auto", "speech") == "turbo"
    model_host(device="cpu")
    assert weights.choose("auto", "speech") == "base"


@pytest.mark.parametrize("name", ["tiny.en", "turbo", "./mine.pt", "unknown"])
def test_any_other_name_stays_as_it_is(name):
    assert weights.choose(name, "speech") == name


def test_a_model_of_the_other_kind_is_refused():
    with pytest.raises(BadInput, match="yolox-s is for detect, not for transcribe"):
        weights.choose("yolox-s", "speech")
    with pytest.raises(BadInput, match="base is for transcribe, not for detect"):
        weights.choose("base", "objects")


def test_a_warm_up_fetches_the_best_model_once(model_dir, model_host, monkeypatch):
    server = Server({"yolox_s.onnx": b"\x08onnx"})
    try:
        known = one_file("yolox_s.onnx", b"\x08onnx", server.url, kind="objects", form="onnx")
        monkeypatch.setitem(registry.models(), "yolox-s", known)
        (model_dir / "yolox_nano.onnx").touch()
        assert weights.choose("auto", "objects", try_fetch=True) == "yolox-nano"
        assert not server.requests, "fetching is off"
        model_host(fetch=True)
        for _ in range(2):
            assert weights.choose("auto", "objects", try_fetch=True) == "yolox-s"
        assert server.requests == ["yolox_s.onnx"]
    finally:
        server.stop()


def test_a_warm_up_without_network_says_one_line_and_goes_on(
    model_dir, model_host, monkeypatch, caplog
):
    model_host(fetch=True)
    gone = one_file("yolox_s.onnx", b"x", "http://127.0.0.1:9", kind="objects", form="onnx")
    monkeypatch.setitem(registry.models(), "yolox-s", gone)
    assert weights.choose("auto", "objects", try_fetch=True) == "yolo-shapes"
    assert len(caplog.messages) == 1
    assert str(model_dir / "yolox_s.onnx") in caplog.text


# -- the table -----------------------------------------------------------------------------------


def test_every_row_of_the_table_is_complete():
    for name, model in registry.models().items():
        assert name == model.name
        assert bool(model.files) != bool(model.made_from or model.knows)
        assert model.made_from is None or model.made_from in registry.models()
        assert model.licence in {"MIT", "Apache-2.0", "AGPL-3.0"}
        assert model.kind == "objects" or model.languages in {"en", "99 languages"}
        for file in model.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size > 0
            assert file.url.startswith("https://")
            assert file.url.endswith(f"/{file.name}")
    wanted = {
        name for kind in KINDS for gpu in (0, 1) for name in registry.preferred(kind, gpu=gpu)
    }
    assert all(registry.get(name).knows is None for name in wanted)


def test_the_pinned_addresses_of_checkpoints_are_those_of_the_whisper_package():
    source = Path(importlib.util.find_spec("whisper").origin).read_text()
    assigned = {
        node.targets[0].id: node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
    }
    theirs = ast.literal_eval(assigned["_MODELS"])
    ours = {name: registry.in_form(registry.get(name), "torch").files[0].url for name in theirs}
    assert ours == theirs
    assert {f"{name}.pt" for name in theirs} >= {
        model.name
        for model in registry.models().values()
        if (model.kind, model.form) == ("speech", "torch") and not model.knows
    }


@pytest.mark.parametrize(
    ("name", "form", "found"),
    [
        ("base", "torch", "base.pt"),
        ("turbo", "torch", "large-v3-turbo.pt"),
        ("base.pt", "ctranslate2", "base"),
        ("whisper-shapes", "torch", "whisper-shapes.pt"),
        ("yolo-shapes", "torch", "yolo-shapes.pt"),
        ("yolo11n.pt", "onnx", "yolo11n.onnx"),
    ],
)
def test_a_model_has_one_name_in_each_format(name, form, found):
    assert registry.in_form(registry.get(name), form) == registry.models()[found]
    pinned = registry.models()[found].sha256
    assert pinned is None or weights.digest(name, form) == pinned


def test_a_format_that_a_model_does_not_have_is_refused():
    with pytest.raises(MissingDependency, match="yolox-s is not for torch"):
        weights.resolve("yolox-s", "torch")


# -- models that are made here -------------------------------------------------------------------


def test_the_demonstration_speech_model_is_converted_once(model_dir, converter):
    found = weights.resolve("whisper-shapes")
    assert found.path == model_dir / "whisper-shapes"
    assert found.sha256 == weights.digest("whisper-shapes") == weights.digest("whisper-shapes.pt")
    assert (found.origin, found.form, found.demo) == ("made", "ctranslate2", True)
    assert weights.resolve("whisper-shapes") == found
    samples = store.samples()
    assert converter == [
        (samples / "whisper-shapes.pt", samples / "whisper-shapes.vocabulary.json")
    ]


def test_a_conversion_of_an_earlier_checkpoint_is_made_again(model_dir, converter):
    weights.resolve("whisper-shapes")
    record = model_dir / "whisper-shapes" / "checked.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"made_from": "0" * 64}))
    weights.resolve("whisper-shapes")
    assert len(converter) == 2


@pytest.mark.usefixtures("converter")
def test_a_conversion_changed_on_disk_is_refused(model_dir):
    weights.resolve("whisper-shapes")
    (model_dir / "whisper-shapes" / "model.bin").write_bytes(CONVERTED)
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("whisper-shapes")


def test_a_conversion_that_fails_leaves_nothing(model_dir, monkeypatch):
    def fail(_source, _words, target, **_):
        target.mkdir()
        (target / "model.bin").write_bytes(CONVERTED)
        raise RuntimeError

    monkeypatch.setattr(conversion, "convert", fail)
    with pytest.raises(RuntimeError):
        weights.resolve("whisper-shapes")
    assert not weights.is_here("whisper-shapes")
    assert {path.name for path in model_dir.iterdir()} <= {"whisper-shapes.lock"}


def test_an_own_checkpoint_is_converted_with_the_vocabulary_of_its_kind(
    model_dir, converter, tmp_path, monkeypatch
):
    english = folder("tiny.en", {"vocabulary.txt": b"en", "model.bin": b"x"}, "http://127.0.0.1:9")
    many = folder("base", {"vocabulary.txt": b"all", "model.bin": b"x"}, "http://127.0.0.1:9")
    for model, text in ((english, "en"), (many, "all")):
        monkeypatch.setitem(registry.models(), model.name, model)
        (model_dir / model.name).mkdir()
        (model_dir / model.name / "vocabulary.txt").write_text(text)
    for tokens, expected in ((51_864, "tiny.en"), (51_865, "base"), (51_866, "base")):
        checkpoint(tmp_path / "mine.pt", tokens=tokens)
        found = weights.resolve(str(tmp_path / "mine.pt"), "ctranslate2")
        assert converter.pop() == (tmp_path / "mine.pt", model_dir / expected / "vocabulary.txt")
        assert found.path.parent == model_dir
        assert (found.origin, found.form) == ("local", "ctranslate2")
        assert found.sha256 == weights.digest(str(tmp_path / "mine.pt"), "ctranslate2")
        weights.resolve(str(tmp_path / "mine.pt"), "ctranslate2")
        assert not converter, "once"


@pytest.mark.usefixtures("model_dir")
def test_an_export_that_was_not_made_says_how_to_make_it():
    with pytest.raises(MissingDependency, match=r"videodrop models export yolo11n\.onnx"):
        weights.resolve("yolo11n.onnx")
    assert weights.digest("yolo11n.onnx") == registry.models()["yolo11n.pt"].sha256


def test_an_export_is_recorded_and_found(model_dir):
    def export(into):
        (into / "any.onnx").write_bytes(b"\x08 exported")
        return into / "any.onnx"

    sha256 = weights.digest("yolo11n.onnx")
    making.export(model_dir / "yolo11n.onnx", sha256=sha256, with_function=export)
    found = weights.resolve("yolo11n.onnx")
    assert (found.path, found.sha256) == (model_dir / "yolo11n.onnx", sha256)
    found.path.write_bytes(b"\x08 changed")
    with pytest.raises(MissingDependency, match="model_checksum"):
        weights.resolve("yolo11n.onnx")


# -- files of the operator -----------------------------------------------------------------------


def conversion_at(path):
    path.mkdir()
    (path / "model.bin").write_bytes(CONVERTED)
    (path / "config.json").write_text("{}")
    (path / "vocabulary.txt").write_text("a\n")
    return path


def test_an_own_folder_is_identified_by_all_its_files(tmp_path):
    path = conversion_at(tmp_path / "mine")
    found = weights.resolve(str(path))
    assert (found.form, found.origin, found.path) == ("ctranslate2", "local", path)
    (path / "vocabulary.txt").write_text("b\n")
    assert weights.digest(str(path)) != found.sha256


def test_an_own_onnx_file_is_found(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"\x08\x08 model")
    assert weights.resolve(str(tmp_path / "mine.onnx"), "onnx").form == "onnx"


@pytest.mark.parametrize(
    ("file", "data"),
    [("x.pt", b""), ("x.pt", b"PK\x03\x04 cut off"), ("x.onnx", b""), ("x.onnx", b"<html>")],
)
def test_a_file_that_is_not_a_model_is_refused_in_one_sentence(tmp_path, file, data):
    (tmp_path / file).write_bytes(data)
    with pytest.raises(MissingDependency, match=f"{file} cannot be used: it is not") as caught:
        weights.resolve(str(tmp_path / file))
    assert caught.value.code == "model_format"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("model.bin", None, "it has no model.bin"),
        ("model.bin", b"\x06\x00\x00\x00\x10\x00TransformerSpec", "not a Whisper model"),
        ("vocabulary.txt", None, "with a vocabulary"),
        ("config.json", b'{"lang_ids": [', "missing or damaged"),
    ],
)
def test_a_folder_that_is_not_a_whisper_model_is_refused(tmp_path, name, data, said):
    path = conversion_at(tmp_path / "mine")
    (path / name).unlink() if data is None else (path / name).write_bytes(data)
    with pytest.raises(MissingDependency, match=said):
        weights.resolve(str(path))


def test_a_model_in_another_format_than_the_engine_reads_is_refused(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"\x08\x08 model")
    with pytest.raises(MissingDependency, match="in the format of ONNX, not of CTranslate2"):
        weights.resolve(str(tmp_path / "mine.onnx"), "ctranslate2")


def test_a_checkpoint_is_looked_into_without_running_its_code(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "code ran"),))

    found = {"dims": {"n_vocab": 51_865}, "model_state_dict": Hostile()}
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(found))
    assert formats.whisper_tokens(tmp_path / "x.pt") == 51_865
    assert not (tmp_path / "code ran").exists()


def test_the_real_sample_is_recognised_as_english_only():
    assert formats.whisper_tokens(store.samples() / "whisper-shapes.pt") == vocabulary.ENGLISH_ONLY
    with pytest.raises(MissingDependency, match="not a Whisper checkpoint"):
        formats.whisper_tokens(store.samples() / "yolo-shapes.pt")


@pytest.mark.parametrize(
    ("device", "library", "gpu"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_gpu_counts_if_the_libraries_for_it_are_installed(monkeypatch, device, library, gpu):
    found = [Path("/dev/nvidia0")] if device else []
    monkeypatch.setattr(Path, "glob", lambda *_: iter(found))
    monkeypatch.setattr(host, "_has_cublas", lambda: library)
    assert host.ModelHost().has_gpu is gpu
    assert host.ModelHost(device="cpu").has_gpu is False
    assert host.ModelHost(device="cuda:1").has_gpu is True
