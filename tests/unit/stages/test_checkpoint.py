import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import checkpoint
from pipeline.stages.models.checkpoint import _Unpickler

SAMPLES = Path(__file__).parents[3] / "samples"


def archive(path, pickled, arrays=(), order=b"little", how=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", how) as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", order)
        for number, array in enumerate(arrays):
            file.writestr(f"archive/data/{number}", array.tobytes())
    return path


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def tensor(*, offset=0, shape=(2, 3), strides=(3, 1), count=6, kind=b"FloatStorage"):
    """Return the pickle of {"a": tensor} as PyTorch writes it."""
    place = b"((X\x07\x00\x00\x00storagectorch\n%s\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK%ctQ" % (
        kind,
        count,
    )
    numbers = b"".join(b"K%c" % number for number in shape)
    steps = b"".join(b"K%c" % number for number in strides)
    begin = b"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n"
    end = b"t\x89ccollections\nOrderedDict\n)RtRs."
    return begin + place + b"K%c(" % offset + numbers + b"t(" + steps + end


def test_tensors_become_arrays(tmp_path):
    values = np.arange(6, dtype="<f4")
    found = checkpoint.read(archive(tmp_path / "a.pt", tensor(), [values]))
    assert np.array_equal(found["a"], values.reshape(2, 3))
    turned = tensor(shape=(3, 2), strides=(1, 3))
    found = checkpoint.read(archive(tmp_path / "b.pt", turned, [values]))
    assert np.array_equal(found["a"], values.reshape(2, 3).T)


@pytest.mark.parametrize(
    "changes",
    [
        {"offset": 1},
        {"shape": (9, 9)},
        {"strides": (200, 1)},
        {"count": 200},
        {"kind": b"UntypedStorage"},
    ],
)
def test_a_tensor_that_exceeds_its_storage_is_rejected(tmp_path, changes):
    path = archive(tmp_path / "a.pt", tensor(**changes), [np.arange(6, dtype="<f4")])
    with pytest.raises(MissingDependency, match="model_format"):
        checkpoint.read(path)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(-1, (2,), (1,)), (0, (3,), (-1,)), (0, (-2,), (1,)), (0, (2, 2), (1,))],
)
def test_a_tensor_before_its_storage_is_rejected(offset, shape, strides):
    rebuild = _Unpickler.find_class(None, "torch._utils", "_rebuild_tensor_v2")
    with pytest.raises(ValueError, match=r"storage|shorter|longer"):
        rebuild(np.zeros(6, "<f4"), offset, shape, strides)


def test_a_tensor_of_a_tensor_is_rejected():
    """It would show the memory behind a storage that the first one repeats."""
    rebuild = _Unpickler.find_class(None, "torch._utils", "_rebuild_tensor_v2")
    repeated = rebuild(np.zeros(1, "<f4"), 0, (1000,), (0,))
    for one in (repeated, rebuild(np.zeros(9, "<f4"), 0, (9, 1), (1, 1))):
        with pytest.raises(ValueError, match="made of another"):
            rebuild(one, 0, (9,), (1,))


def test_a_checkpoint_that_would_fill_the_memory_is_not_unpacked(tmp_path):
    zeros = [np.zeros(100_000, "<f4")]
    path = archive(tmp_path / "a.pt", tensor(), zeros, how=zipfile.ZIP_DEFLATED)
    with pytest.raises(MissingDependency, match="far larger once it is unpacked"):
        checkpoint.read(path)


def test_the_demonstration_model_is_read_though_it_is_compressed():
    found = checkpoint.read(SAMPLES / "models" / "whisper-shapes.pt")
    assert found["dims"]["n_mels"] == 80
    assert sum(one.nbytes for one in found["model_state_dict"].values()) > 10_000_000


def test_code_in_a_checkpoint_is_not_run(tmp_path, capsys):
    path = archive(tmp_path / "a.pt", pickle.dumps(Evil()))
    with pytest.raises(MissingDependency, match="not part of a tensor"):
        checkpoint.read(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["system", "OrderedDict.fromkeys", "_rebuild_tensor_v2"])
@pytest.mark.parametrize("module", ["os", "builtins", "torch", "collections.abc"])
def test_only_the_named_classes_are_found(module, name):
    with pytest.raises(pickle.UnpicklingError):
        _Unpickler.find_class(None, module, name)


def test_a_storage_is_one_of_torch():
    with pytest.raises(pickle.UnpicklingError):
        _Unpickler.find_class(None, "torch.cuda", "FloatStorage")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip at all" * 100])
def test_a_file_that_is_no_checkpoint_is_rejected(tmp_path, content):
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(MissingDependency, match="not a PyTorch checkpoint"):
        checkpoint.read(path)


def test_a_truncated_checkpoint_is_rejected(tmp_path):
    whole = archive(tmp_path / "a.pt", tensor(), [np.arange(6, dtype="<f4")]).read_bytes()
    path = tmp_path / "b.pt"
    path.write_bytes(whole[:-30])
    with pytest.raises(MissingDependency, match="model_format"):
        checkpoint.read(path)


def test_another_byte_order_is_rejected(tmp_path):
    path = archive(tmp_path / "a.pt", tensor(), [np.arange(6, dtype="<f4")], order=b"big")
    with pytest.raises(MissingDependency, match="byte order"):
        checkpoint.read(path)
