import subprocess
import sys
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
