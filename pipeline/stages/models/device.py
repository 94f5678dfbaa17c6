"""Where torch runs and with how many threads: one place, because every library resets it."""

import sys

from pipeline.core.errors import MissingDependency
from pipeline.stages.models import host


def choose() -> str:
    """The torch device to use: the one set, or the first GPU if there is one."""
    import torch  # noqa: PLC0415 - takes seconds; only processes that run a model pay for it

    wanted = host.current().device
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def check(wanted: str) -> None:
    """See to it that torch can use the device that is set; ``auto`` and ``cpu`` need no look.

    A driver or a GPU can be there and still be too old for this torch: only using it tells.

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
            f"VIDEODROP_DEVICE is {wanted}, and torch cannot use that: {error}. Mend the host's "
            "driver or what lends the GPU to this process, or set it to auto.",
        ) from error


def failed(error: BaseException | None) -> bool:
    """Whether the GPU itself failed: what else this process asks of it will fail, too.

    Told by the name that torch gives it, alone or as the cause of another error: who has no torch
    has no GPU. Want of its memory is no such failure.
    """
    return error is not None and (
        type(error).__name__ == "AcceleratorError" or failed(error.__cause__)
    )


def holds_gpu() -> bool:
    """Whether this process holds a GPU.

    It does from the moment at which torch first used one until it ends: the model stays in the
    GPU's memory between runs. Asked without importing torch: who has not, holds none.
    """
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_initialized()


def pin_threads() -> None:
    """Give torch this stage's share of the CPU.

    More threads than that are far slower than one on a busy machine. silero-vad changes the number
    when imported, so call this after it; ultralytics is told in its adapter.
    """
    import torch  # noqa: PLC0415 - see above

    torch.set_num_threads(host.current().threads)
