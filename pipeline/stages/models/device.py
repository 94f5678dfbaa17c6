"""The device and the number of threads of torch, set in one place: libraries reset them."""

import ctypes
import importlib.util
import sys
from pathlib import Path

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import host

# The second one needs the first.
_CUBLAS = ("libcublasLt.so.12", "libcublas.so.12")


def choose() -> str:
    """Return the torch device to use: the one that is set, else the first GPU, else the CPU."""
    import torch  # noqa: PLC0415 - takes seconds; only processes that run a model pay for it

    wanted = host.current().device
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def of_ctranslate() -> str:
    """Return the device of CTranslate2: the one that is set, else the first GPU, else the CPU."""
    wanted = host.current().device
    if wanted == "auto":
        import ctranslate2  # noqa: PLC0415 - only transcribe needs it

        wanted = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    if wanted != "cpu":
        _load_cublas()
    return wanted


def _load_cublas() -> None:
    """Load cuBLAS from the Python package of CUDA 12, where CTranslate2 does not look for it.

    CTranslate2 asks the loader for it by name, and gets what is loaded. Without the package that is
    the system's.
    """
    if importlib.util.find_spec("nvidia") is None:
        return
    package = importlib.util.find_spec("nvidia.cublas")
    for folder in (package and package.submodule_search_locations) or ():
        for name in _CUBLAS:
            ctypes.CDLL(str(Path(folder) / "lib" / name), mode=ctypes.RTLD_GLOBAL)


def check(wanted: str) -> None:
    """Check that torch can use the device that is set; ``auto`` and ``cpu`` are not checked.

    A driver or a GPU may be too old for this torch, which shows only on use.

    Raises:
        MissingDependency: ``no_device``.
    """
    if wanted in {"auto", "cpu"}:
        return
    import torch  # noqa: PLC0415 - see above

    try:
        torch.zeros(1, device=wanted).item()
    except (AssertionError, RuntimeError) as error:
        raise MissingDependency(
            "no_device",
            f"VIDEODROP_DEVICE is {wanted}, and torch cannot use it: {error}. Fix the host's "
            "driver or this process's access to the GPU, or set it to auto.",
        ) from error


def failed(error: BaseException | None) -> bool:
    """Return True if the GPU itself failed, so that this process cannot use it any more.

    The error, or a cause of it, has torch's class ``AcceleratorError``. The name is compared, so
    torch need not be installed. Running out of GPU memory is another class.
    """
    return error is not None and (
        type(error).__name__ == "AcceleratorError" or failed(error.__cause__)
    )


def holds_gpu() -> bool:
    """Return True if this process holds a GPU.

    It does from torch's first use of one until the process ends, because the model stays in the
    GPU's memory between runs. Torch is not imported for this: without it, no GPU is held.
    """
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_initialized()


def pin_threads() -> None:
    """Give torch this stage's share of the CPU.

    On a busy machine, more threads than that are far slower than one. The adapter of ultralytics
    sets its number itself.
    """
    import torch  # noqa: PLC0415 - see above

    torch.set_num_threads(host.current().threads)
