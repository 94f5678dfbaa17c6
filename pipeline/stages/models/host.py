"""The machine that models run on, as far as its operator decides.

``bootstrap.module`` tells it once a process. By default a stage runs on all of the machine's CPUs,
or on its GPU, with no setting at all.
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
        engines: versions of engines that the stages' own hosts have and this one lacks, by package.
    """

    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    device: str = "auto"
    model_dir: Path = field(default_factory=lambda: Path.home() / ".cache" / "videodrop" / "models")
    engines: Mapping[str, str] = field(default_factory=dict)


_current = ModelHost()


def use(host: ModelHost) -> None:
    """Have all models of this process run on ``host``."""
    global _current  # noqa: PLW0603 - one a process, as torch's own threads and device are
    _current = host


def current() -> ModelHost:
    """Return the machine of this process."""
    return _current
