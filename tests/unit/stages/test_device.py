import subprocess
import sys
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


def test_a_gpu_is_held_if_and_only_if_torch_uses_one():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        torch.zeros(1, device="cuda")
    assert device.holds_gpu() is torch.cuda.is_available()


def test_a_device_that_torch_cannot_use_is_rejected():
    pytest.importorskip("torch")
    with pytest.raises(MissingDependency, match="VIDEODROP_DEVICE is cuda:99") as rejected:
        device.check("cuda:99")
    assert rejected.value.code == "no_device"


@pytest.mark.parametrize("wanted", ["auto", "cpu"])
def test_a_stage_without_need_of_a_gpu_is_not_checked_for_one(
    monkeypatch: pytest.MonkeyPatch, wanted: str
):
    monkeypatch.setitem(sys.modules, "torch", None)  # to import it is an error
    device.check(wanted)
