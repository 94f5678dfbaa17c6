"""Weights for a container image."""

import hashlib
import shutil

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import bake, int8, official, weights

CONTENT = b"weights"


@pytest.fixture
def published(monkeypatch, model_host, tmp_path):
    """Serve a model as its publisher does; return the folder to bake it to."""

    def download(_url, target):
        target.write_bytes(CONTENT)

    folder = tmp_path / "models"
    known = official.Official("tiny.pt", "https://example.com", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(official.ALL, "tiny", known)
    monkeypatch.setattr(weights, "_download", download)
    model_host(model_dir=folder)
    return folder


def test_the_layer_holds_the_weights_alone_and_is_the_same_each_time(published):
    bake.bake(["tiny", "whisper-shapes"])
    (path,) = published.iterdir()
    assert path.read_bytes() == CONTENT
    assert {path.stat().st_mtime, published.stat().st_mtime} == {0}


def test_the_command_bakes_into_the_folder_that_it_names(published, tmp_path):
    bake.main(["--into", str(tmp_path / "image"), "tiny"])
    assert (tmp_path / "image" / "tiny.pt").read_bytes() == CONTENT
    assert not published.exists()


def test_a_layer_without_downloads_exists_too(published):
    assert [one.origin for one in bake.bake(["yolo-shapes"])] == ["sample"]
    assert published.is_dir()


def test_a_file_that_does_not_match_its_digest_is_not_baked(published, monkeypatch):
    monkeypatch.setitem(
        official.ALL, "tiny", official.Official("tiny.pt", "https://example.com", "0" * 64)
    )
    with pytest.raises(MissingDependency, match="not the pinned tiny"):
        bake.bake(["tiny"])
    assert not (published / "tiny.pt").exists()


@pytest.mark.parametrize(
    ("asked", "baked"),
    [
        (["tiny@int8"], {"tiny.int8.pt", "SHA256SUMS"}),
        (["tiny@int8", "tiny"], {"tiny.int8.pt", "SHA256SUMS", "tiny.pt"}),
    ],
)
def test_a_download_needed_only_for_an_8_bit_version_is_not_kept(
    published, monkeypatch, asked, baked
):
    monkeypatch.setattr(int8, "write", shutil.copy)
    bake.bake(asked)
    assert {path.name for path in published.iterdir()} == baked
