"""Claims of stage runs as a worker makes them: read, then claimed as read."""

from typing import Any

from pipeline.aws.catalog.runs import Runs
from pipeline.core.events import Upload
from pipeline.core.records import StageRun


def claim_run(runs: Runs, upload: Upload, stage: str, **claim: Any) -> StageRun:
    """Read a run and claim it; see ``Runs.claim``."""
    return runs.claim(upload, stage, seen=runs.get(upload.video_id, stage), **claim)
