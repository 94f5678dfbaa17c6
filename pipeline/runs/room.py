"""The check that the disk has room, made before anything is written.

A disk that is too small fails a run for good: an execution on Lambda has 10 GB wherever it runs. A
disk that is only full does not: other jobs end, and another worker may have more.
"""

import shutil
from pathlib import Path

from pipeline.core.errors import DependencyFailed, LimitExceeded
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings

# Camera originals have a hundred times the bytes of what is made of them. So the guess, which is
# relative to the source, is limited: to the highest rates of the renditions of 1080p and its MP4.
_MOST_BYTES_A_SECOND = 2.4e6


def check_copy(upload: Upload, folder: Path) -> None:
    """Check that a copy of a source fits.

    Raises:
        LimitExceeded, DependencyFailed: see ``check_files``.
    """
    _check(f"A copy of {upload.name} needs", upload.size, folder)


def check_files(
    stage: str, settings: Settings, upload: Upload, probe: Probe, folder: Path, *, ranges: int = 1
) -> None:
    """Check that the files of a stage are expected to fit.

    Args:
        stage: its name.
        settings: the guess of the size of its files.
        upload: the source.
        probe: of the source.
        folder: where they are written.
        ranges: number of ranges that the work is divided into; only one of them is done here.

    Raises:
        LimitExceeded: ``disk_too_small``: they exceed the whole disk.
        DependencyFailed: ``disk_full``: they exceed what is free on it.
    """
    guessed = settings.topology.stages[stage].guess.bytes_per_source_byte * upload.size
    size = min(guessed, _MOST_BYTES_A_SECOND * probe.duration_s)
    _check(f"{stage} may need", size / ranges, folder)


def _check(needs: str, size: float, folder: Path) -> None:
    disk = shutil.disk_usage(folder)
    if size > disk.total:
        raise LimitExceeded(
            "disk_too_small",
            f"{needs} {_gb(size)} of disk, and this host has {_gb(disk.total)} in all. Run the "
            "stage on a host with a larger disk, and replay it with --failure-class limit.",
        )
    if size > disk.free:
        raise DependencyFailed(
            "disk_full",
            f"{needs} {_gb(size)} of disk, and {_gb(disk.free)} are free. Free some space, or set "
            "VIDEODROP_SCRATCH to a larger disk.",
        )


def _gb(size: float) -> str:
    return f"{size / 1e9:,.2f} GB"
