"""The stage of ``toystage``, with runs of three seconds."""

import time
from pathlib import Path

from pipeline.core.stage import Report, Result, Source
from tests.fakes import toystage

VERSION = toystage.VERSION
Params = toystage.Params
SECONDS = 3


def run(source: Source, params: toystage.Params, work: Path, report: Report) -> Result:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        report(0.5)
        time.sleep(0.1)
    return toystage.run(source, params, work, report)
