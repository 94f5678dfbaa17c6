"""The mood of a stage in a history: its run goes well, is slow, or fails."""

import time

from pipeline.core.errors import BadInput, DependencyFailed
from pipeline.core.stage import Report


def choose() -> int:
    """Return 0 for a run that goes well; replaced for each history."""
    return 0


def spend(content: bytes, report: Report) -> None:
    """Take a while, and raise what the history and the content say."""
    if content.startswith(b"bad"):
        raise BadInput("not_media", "This content is bad.")
    how = choose()
    if how in {1, 2}:  # 1: slow; 2: slower than a lease
        for _ in range(4 * how * how):
            time.sleep(5)
            report(0.1 * how)
    elif how == 3:
        raise DependencyFailed("flaky", "This run was told to fail.")
    elif how == 4:
        raise RuntimeError("This run was told to have a defect.")
    elif how == 5:
        time.sleep(300)  # longer than many leases, without a report
