"""The operator's settings of the machine that models run on.

``loading.module`` sets them once a process. By default a stage uses all CPUs of the machine, or
its GPU.
"""

import ctypes.util
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ModelHost:
    """The machine of this process.

    Attributes:
        threads: CPU threads for the stage.
        device: torch device; ``auto`` is the first GPU, if there is one.
        model_dir: where official weights are kept.
        engines: by package, versions of engines that only the stages' own hosts have.
        fetch: whether models may be fetched over the network.
        mirror: folder or address with files as in ``model_dir``, tried after the publisher's.
    """

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    device: str = "auto"
    model_dir: Path = field(default_factory=lambda: Path.home() / ".cache" / "videodrop" / "models")
    engines: Mapping[str, str] = field(default_factory=dict)
    fetch: bool = True
    mirror: str | None = None

    @property
    def has_gpu(self) -> bool:
        """Return True if a GPU is set, or none is set and this machine can use an NVIDIA one."""
        if self.device == "auto":
            return any(Path("/dev").glob("nvidia[0-9]*")) and _has_cublas()
        return self.device != "cpu"


def _has_cublas() -> bool:
    """Return True if cuBLAS, which CTranslate2 needs on a GPU, is installed."""
    package = importlib.util.find_spec("nvidia") and importlib.util.find_spec("nvidia.cublas")
    return bool(package or ctypes.util.find_library("cublas"))


_current = ModelHost()


def use(host: ModelHost) -> None:
    """Set the machine that all models of this process run on."""
    global _current  # noqa: PLW0603 - one a process, as torch's own threads and device are
    _current = host


def current() -> ModelHost:
    """Return the machine of this process."""
    return _current
