"""The operator's settings of the machine that models run on.

``bootstrap.module`` sets them once a process. By default a stage uses all CPUs of the machine, or
its GPU.
"""

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
        """Return True if a GPU is set, or if this machine has an NVIDIA one and none is set."""
        if self.device == "auto":
            return any(Path("/dev").glob("nvidia[0-9]*"))
        return self.device != "cpu"


_current = ModelHost()


def use(host: ModelHost) -> None:
    """Set the machine that all models of this process run on."""
    global _current  # noqa: PLW0603 - one a process, as torch's own threads and device are
    _current = host


def current() -> ModelHost:
    """Return the machine of this process."""
    return _current
