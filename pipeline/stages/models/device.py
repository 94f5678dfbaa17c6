"""The devices of the libraries that run models, and the number of threads of torch."""

import ctypes
import importlib.util
import logging
import sys
from pathlib import Path

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import host

_log = logging.getLogger(__name__)
# The second one needs the first.
_CUBLAS = ("libcublasLt.so.12", "libcublas.so.12")
_CTRANSLATE, _ONNX = "ctranslate2", "onnxruntime"
_CTRANSLATE_FAILURES = ("CUDA failed with error", "cuBLAS failed with status")

# The GPUs that CTranslate2 was sent to in this process.
_given: set[str] = set()


def choose() -> str:
    """Return the torch device to use: the one that is set, else the first GPU, else the CPU."""
    import torch  # noqa: PLC0415 - takes seconds; only processes that run a model pay for it

    wanted = host.current().device
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def of_ctranslate() -> str:
    """Return the device of CTranslate2: the one that is set, else the first GPU, else the CPU.

    A GPU needs cuBLAS of CUDA 12, which is not part of CTranslate2's package.
    """
    wanted = host.current().device
    if wanted == "auto":
        import ctranslate2  # noqa: PLC0415 - only transcribe needs it

        wanted = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        try:
            if wanted == "cuda":
                _load_cublas()
        except OSError as error:
            _log.warning("speech runs on the CPU: %s. The extra gpu installs it.", error)
            wanted = "cpu"
    if wanted != "cpu":
        _given.add(wanted)
    return wanted


def _load_cublas() -> None:
    """Load cuBLAS from its Python package, else from the system.

    CTranslate2 asks the loader for it by name, which finds what is loaded.

    Raises:
        OSError: this host has neither.
    """
    found = importlib.util.find_spec("nvidia") and importlib.util.find_spec("nvidia.cublas")
    folders = (found and found.submodule_search_locations) or ()
    folder = next((Path(one, "lib") for one in folders if Path(one, "lib").is_dir()), None)
    for name in _CUBLAS:
        ctypes.CDLL(str(folder / name) if folder else name, mode=ctypes.RTLD_GLOBAL)


def check(wanted: str, engine: str) -> None:
    """Check that an engine's library can use the device that is set.

    A driver or a GPU may be too old for the library, which shows only on use. ONNX Runtime uses the
    CPU where it has no CUDA, which is logged.

    Args:
        wanted: the device; ``auto`` and ``cpu`` are not checked.
        engine: the library's package, as in a stage's identity. No other library is imported:
            torch and CTranslate2 do not share a process.

    Raises:
        MissingDependency: ``no_device``.
    """
    if wanted in {"auto", "cpu"}:
        return
    try:
        if engine == _ONNX:
            _log_provider(wanted)
        elif engine == _CTRANSLATE:
            _try_ctranslate(wanted)
        else:
            import torch  # noqa: PLC0415 - see above

            torch.zeros(1, device=wanted).item()
    except (AssertionError, ImportError, OSError, RuntimeError) as error:
        raise MissingDependency(
            "no_device",
            f"VIDEODROP_DEVICE is {wanted}, and {engine} cannot use it: {error}. Fix the host's "
            "driver or this process's access to the GPU, or set it to auto.",
        ) from error


def _try_ctranslate(wanted: str) -> None:
    import ctranslate2  # noqa: PLC0415 - see above

    kind, _, number = wanted.partition(":")
    ctranslate2.get_supported_compute_types(kind, int(number or 0))
    _load_cublas()


def _log_provider(wanted: str) -> None:
    import onnxruntime  # noqa: PLC0415 - only detect needs it

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        _log.warning(
            "VIDEODROP_DEVICE is %s, and models in ONNX run on the CPU. On a GPU, set a checkpoint "
            "of Ultralytics, such as yolo11n.pt.",
            wanted,
        )


def failed(error: BaseException | None) -> bool:
    """Return True if the GPU itself failed, so that this process cannot use it any more.

    The error, or a cause of it, has torch's class ``AcceleratorError`` or a message of CTranslate2.
    Neither library is imported for this. Running out of GPU memory is another failure.
    """
    if error is None:
        return False
    message = str(error)
    return (
        type(error).__name__ == "AcceleratorError"
        or (message.startswith(_CTRANSLATE_FAILURES) and "out of memory" not in message)
        or failed(error.__cause__)
    )


def holds_gpu() -> bool:
    """Return True if this process holds a GPU.

    It does from the first use of one until the process ends, because the model stays in the GPU's
    memory between runs. Torch is not imported for this.
    """
    torch = sys.modules.get("torch")
    return bool(_given) or (torch is not None and torch.cuda.is_initialized())


def pin_threads() -> None:
    """Give torch this stage's share of the CPU.

    On a busy machine, more threads than that are far slower than one. The adapter of ultralytics
    sets its number itself.
    """
    import torch  # noqa: PLC0415 - see above

    torch.set_num_threads(host.current().threads)
