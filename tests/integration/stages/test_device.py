"""The devices that PyTorch reports."""

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import device


def test_torch_answers_what_it_is_asked():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        torch.zeros(1, device="cuda")
    assert device.holds_gpu() is torch.cuda.is_available()


def test_a_device_that_torch_cannot_use_is_said_to_be_none():
    pytest.importorskip("torch")
    with pytest.raises(MissingDependency, match="VIDEODROP_DEVICE is cuda:99") as refused:
        device.check("cuda:99", "ultralytics")
    assert refused.value.code == "no_device"
