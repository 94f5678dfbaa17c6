import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.stages.models import device


@pytest.mark.parametrize("held", [True, False])
def test_a_gpu_is_held_once_torch_has_used_it(
    monkeypatch: pytest.MonkeyPatch,
    held: bool,  # noqa: FBT001 - pytest passes parameters by name
):
    cuda = SimpleNamespace(is_initialized=lambda: held)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert device.holds_gpu() is held


def test_a_stage_without_torch_holds_no_gpu_and_does_not_import_it():
    script = (
        "import sys; from pipeline.stages.models import device; "
        "assert device.holds_gpu() is False; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_a_stage_without_need_of_a_gpu_is_not_checked_for_one(
    monkeypatch: pytest.MonkeyPatch, wanted: str
):
    monkeypatch.setitem(sys.modules, "torch", None)  # to import it is an error
    device.check(wanted)


@pytest.fixture
def cublas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Return the libraries that are loaded; the package of cuBLAS is installed."""
    (tmp_path / "nvidia" / "cublas" / "lib").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    loaded: list[str] = []
    monkeypatch.setattr("ctypes.CDLL", lambda path, mode: loaded.append(path))  # noqa: ARG005 - ctypes' interface
    return loaded


def test_on_a_gpu_ctranslate2_finds_the_cublas_of_its_python_package(
    monkeypatch: pytest.MonkeyPatch, cublas: list[str]
):
    gpu = SimpleNamespace(get_cuda_device_count=lambda: 1)
    monkeypatch.setitem(sys.modules, "ctranslate2", gpu)
    assert device.of_ctranslate() == "cuda"
    assert [Path(one).name for one in cublas] == ["libcublasLt.so.12", "libcublas.so.12"]


def test_on_a_cpu_no_cublas_is_loaded(monkeypatch: pytest.MonkeyPatch, cublas: list[str]):
    none = SimpleNamespace(get_cuda_device_count=lambda: 0)
    monkeypatch.setitem(sys.modules, "ctranslate2", none)
    assert device.of_ctranslate() == "cpu"
    assert cublas == []
