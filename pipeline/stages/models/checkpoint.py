"""A reader of PyTorch checkpoints without PyTorch.

A checkpoint is a ZIP archive of a pickle and of raw arrays. Unpickling can run any code, so only
the few classes that a checkpoint of tensors needs are allowed.
https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.core.errors import MissingDependency

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {
    "HalfStorage": "<f2",
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "BoolStorage": "?",
}
# Bytes for each byte of the file, so that a small one does not fill the memory. PyTorch compresses
# nothing; the demonstration model is compressed to a sixth.
_MOST_UNPACKED = 20


class _Kind(NamedTuple):
    """The type of a storage, as numpy names it."""

    dtype: str


def read(path: Path) -> Any:
    """Read a checkpoint; its tensors become numpy arrays.

    Raises:
        MissingDependency: ``model_format``: the file has another format, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
            if unpacked > _MOST_UNPACKED * path.stat().st_size:
                raise ValueError("it is far larger once it is unpacked")
            (name,) = (one for one in archive.namelist() if one.endswith("/data.pkl"))
            root = name.removesuffix("data.pkl")
            if f"{root}byteorder" in archive.namelist():
                order = archive.read(f"{root}byteorder")
                if order != b"little":
                    raise ValueError(f"its byte order is {order!r}")
            with archive.open(name) as pickled:
                return _Unpickler(pickled, archive, root).load()
    except MissingDependency:
        raise
    except Exception as error:  # a hostile pickle can raise anything
        raise MissingDependency(
            "model_format",
            f"{path} is not a PyTorch checkpoint of tensors, or it is damaged ({error!r:.200}).",
        ) from error


class _Unpickler(pickle.Unpickler):
    """An unpickler that creates dictionaries and arrays only."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(file)
        self._archive, self._root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
        }
        if module == "torch" and name in _TYPES:
            return _Kind(_TYPES[name])
        if found := allowed.get((module, name)):
            return found
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is not part of a tensor")

    def persistent_load(self, pid: Any) -> "NDArray[Any]":
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy

        _, kind, key, _, count = pid
        entry = self._archive.getinfo(f"{self._root}data/{key}")
        dtype = np.dtype(kind.dtype)
        # Before it is read: the archive may have less than the array claims, or more.
        if entry.file_size != count * dtype.itemsize:
            raise ValueError(f"array {key} has {entry.file_size} bytes instead of {count} values")
        return np.frombuffer(self._archive.read(entry), dtype)


def _tensor(
    storage: "NDArray[Any]",
    offset: int,
    shape: Sequence[int],
    strides: Sequence[int],
    *_: Any,
) -> "NDArray[Any]":
    """Return the view of a storage that a tensor is; strides count items."""
    import numpy as np  # noqa: PLC0415 - see above

    if storage.ndim != 1 or not storage.flags.c_contiguous:
        raise ValueError("a tensor is made of another one")  # which repeats the bytes it has
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if math.prod(shape) and not (min((offset, *shape, *strides)) >= 0 and last < len(storage)):
        raise ValueError("a tensor exceeds its storage")
    size = storage.itemsize
    view: np.ndarray[Any, Any] = np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [step * size for step in strides], writeable=False
    )
    return view


def _parameter(tensor: "NDArray[Any]", *_: Any) -> "NDArray[Any]":
    return tensor
