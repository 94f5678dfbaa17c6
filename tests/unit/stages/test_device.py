import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.core.errors import MissingDependency
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
    device.check(wanted, "ultralytics")


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the GPUs that CTranslate2 was sent to."""
    found: set[str] = set()
    monkeypatch.setattr(device, "_given", found)
    return found


def ctranslate(monkeypatch: pytest.MonkeyPatch, gpus: int) -> None:
    """Install a CTranslate2 that sees a number of GPUs, and no torch."""

    def supported(kind: str, index: int) -> set[str]:
        if index >= gpus:
            raise RuntimeError("CUDA failed with error invalid device ordinal")
        return {kind}

    fake = SimpleNamespace(
        get_cuda_device_count=lambda: gpus, get_supported_compute_types=supported
    )
    monkeypatch.setitem(sys.modules, "ctranslate2", fake)
    monkeypatch.setitem(sys.modules, "torch", None)


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
    ctranslate(monkeypatch, gpus=1)
    assert not device.holds_gpu()
    assert device.of_ctranslate() == "cuda"
    assert [Path(one).name for one in cublas] == ["libcublasLt.so.12", "libcublas.so.12"]
    assert all(Path(one).is_absolute() for one in cublas)
    monkeypatch.delitem(sys.modules, "torch")
    assert device.holds_gpu()


def test_on_a_cpu_no_cublas_is_loaded(monkeypatch: pytest.MonkeyPatch, cublas: list[str]):
    ctranslate(monkeypatch, gpus=0)
    assert device.of_ctranslate() == "cpu"
    assert cublas == []
    monkeypatch.delitem(sys.modules, "torch")
    assert not device.holds_gpu()


def absent(path: str, mode: int) -> None:  # noqa: ARG001 - ctypes' interface
    raise OSError(f"{path}: cannot open shared object file")


def test_a_gpu_without_cublas_is_not_used_and_a_configured_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    ctranslate(monkeypatch, gpus=1)
    monkeypatch.setattr("ctypes.CDLL", absent)
    assert device.of_ctranslate() == "cpu"
    assert "libcublasLt.so.12" in caplog.text
    with pytest.raises(MissingDependency, match=r"libcublasLt\.so\.12"):
        device.check("cuda", "ctranslate2")


@pytest.mark.usefixtures("cublas")
def test_the_device_of_ctranslate2_is_checked_without_torch(monkeypatch: pytest.MonkeyPatch):
    ctranslate(monkeypatch, gpus=1)
    device.check("cuda", "ctranslate2")
    device.check("cuda:0", "ctranslate2")
    with pytest.raises(MissingDependency, match="invalid device ordinal"):
        device.check("cuda:1", "ctranslate2")


def test_models_in_onnx_run_on_the_cpu_of_a_gpu_host_and_that_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fake = SimpleNamespace(get_available_providers=lambda: ["CPUExecutionProvider"])
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    monkeypatch.setitem(sys.modules, "torch", None)
    device.check("cuda", "onnxruntime")
    assert "on the CPU" in caplog.text


class AcceleratorError(RuntimeError):
    """An error with the name of torch's own."""


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (AcceleratorError("unspecified launch failure"), True),
        (RuntimeError("CUDA failed with error unspecified launch failure"), True),
        (RuntimeError("cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED"), True),
        (RuntimeError("CUDA failed with error out of memory"), False),
        (RuntimeError("another"), False),
    ],
)
def test_a_gpu_that_failed_is_told_from_one_that_is_full(
    error: Exception,
    gone: bool,  # noqa: FBT001 - pytest passes parameters by name
):
    assert device.failed(error) is gone
    outer = ValueError("outer")
    outer.__cause__ = error
    assert device.failed(outer) is gone
