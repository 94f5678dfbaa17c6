"""The stage of the fault suite: ffmpeg copies the source at the speed of its media."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.core.stage import Artifact, Report, Result, Source
from pipeline.media import ffmpeg
from pipeline.runs import sources, waits
from tests.faults import skew

VERSION = "1"
# Outages of seconds stand for those of minutes.
waits.FIRST_RETRY_S = float(os.environ.get("FAULTS_FIRST_RETRY_S", "5"))
if os.environ.get("FAULTS_SERVED"):  # a small source is read in parts, as a large one is
    sources.LARGEST_COPY = sources.LARGEST_PLANNED_COPY = 0

if seconds := os.environ.get("FAULTS_SKEW_S"):
    skew.shift(float(seconds))


class Params(BaseModel):
    model_config = ConfigDict(frozen=True)


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    del params
    import ffmpeg as maker  # noqa: PLC0415 - as in ``pipeline.media``

    node = ffmpeg.source(source.path, max_pixels=10**6, re=None)
    progress = ffmpeg.Progress(report, source.probe.duration_s)
    ffmpeg.run(maker.output(node, str(work / "out.mp4"), c="copy"), progress=progress)
    return Result(artifacts=[Artifact(name="out.mp4", media_type="video/mp4", role="copy")])
