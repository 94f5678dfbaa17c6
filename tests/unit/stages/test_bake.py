"""Weights for a container image."""

import shutil
from dataclasses import replace

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import bake, conversion, making, registry, store, weights
from tests.fakes.models import Server, one_file

CONTENT = b"weights"


@pytest.fixture
def published(monkeypatch, model_host, tmp_path):
    """Serve a model as its publisher does; return the folder to bake it to."""

    server = Server({"tiny.pt": CONTENT})
    folder = tmp_path / "models"
    monkeypatch.setitem(registry.models(), "tiny.pt", one_file("tiny.pt", CONTENT, server.url))
    model_host(model_dir=folder, fetch=True)
    yield folder
    server.stop()


def test_the_layer_holds_the_weights_alone_and_is_the_same_each_time(published):
    bake.bake(["tiny.pt", "whisper-shapes.pt"])
    assert {path.name for path in published.iterdir()} == {"tiny.pt", ".tiny.pt.checked.json"}
    assert (published / "tiny.pt").read_bytes() == CONTENT
    assert {path.stat().st_mtime for path in (*published.iterdir(), published)} == {0}


@pytest.mark.usefixtures("published")
def test_a_host_of_the_image_does_not_read_the_weights_to_check_them(monkeypatch):
    bake.bake(["tiny.pt"])
    store._sha256.cache_clear()
    monkeypatch.setattr(store, "_sha256", lambda *_: pytest.fail("read again"))
    assert weights.resolve("tiny.pt").origin == "official"


def test_the_command_bakes_into_the_folder_that_it_names(published, tmp_path):
    bake.main(["--into", str(tmp_path / "image"), "tiny.pt"])
    assert (tmp_path / "image" / "tiny.pt").read_bytes() == CONTENT
    assert not published.exists()


def test_a_layer_without_downloads_exists_too(published):
    assert [one.origin for one in bake.bake(["yolo-shapes.pt"])] == ["sample"]
    assert published.is_dir()


def test_a_file_that_does_not_match_its_digest_is_not_baked(published, monkeypatch):
    address = registry.models()["tiny.pt"].files[0].url.rpartition("/")[0]
    monkeypatch.setitem(registry.models(), "tiny.pt", one_file("tiny.pt", b"pinned!", address))
    with pytest.raises(MissingDependency, match="not the pinned tiny"):
        bake.bake(["tiny.pt"])
    assert not (published / "tiny.pt").exists()


def test_a_conversion_is_baked_without_its_source(published, monkeypatch, model_host):
    def convert(source, _words, target, **_):
        target.mkdir()
        (target / "model.bin").write_bytes(source.read_bytes())

    monkeypatch.setattr(conversion, "convert", convert)
    monkeypatch.setattr(making, "_vocabulary", lambda *_: published / "vocabulary.txt")
    address = registry.models()["tiny.pt"].files[0].url.rpartition("/")[0]
    source = replace(one_file("tiny.pt", CONTENT, address), name="large-v1.pt")
    monkeypatch.setitem(registry.models(), "large-v1.pt", source)
    (found,) = bake.bake(["large-v1"])
    assert found.path == published / "large-v1"
    assert {path.name for path in published.iterdir()} == {"large-v1"}
    assert {path.stat().st_mtime for path in published.rglob("*")} == {0}
    model_host(fetch=False)
    assert weights.resolve("large-v1") == found


def test_an_image_is_built_from_a_mirror_where_the_publisher_is_out_of_reach(
    published, tmp_path, monkeypatch
):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "tiny.pt").write_bytes(CONTENT)
    gone = one_file("tiny.pt", CONTENT, "http://127.0.0.1:9")
    monkeypatch.setitem(registry.models(), "tiny.pt", gone)
    bake.main(["--into", str(published), "--mirror", str(mirror), "tiny.pt"])
    assert (published / "tiny.pt").read_bytes() == CONTENT


def test_a_sample_that_an_image_has_as_weights_only_is_found_there(
    published, monkeypatch, tmp_path
):
    code = tmp_path / "code"
    code.mkdir()
    for name, folder in ((store.SUMS, code), ("yolo-shapes.onnx", published)):
        folder.mkdir(exist_ok=True)
        shutil.copy(store.samples() / name, folder)
    (published / "mine.onnx").touch()
    monkeypatch.setattr(store, "samples", lambda: code)
    assert weights.resolve("yolo-shapes").path == published / "yolo-shapes.onnx"
    assert [one.origin for one in bake.bake(["yolo-shapes"])] == ["sample"]
    assert {path.name for path in published.iterdir()} >= {"yolo-shapes.onnx", "mine.onnx"}
