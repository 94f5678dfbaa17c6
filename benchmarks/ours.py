"""A stage of this project as a measured job, like the alternatives.

Options: ``stage``, ``params``.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.alternatives.job import Job, perform, write_words
from pipeline import bootstrap
from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages import loading

_LIMIT_S = 24 * 3600.0


def load(job: Job) -> tuple[Any, Any]:
    """Load the stage's models."""
    module = loading.module(job.options["stage"], bootstrap.settings())
    params = module.Params(**job.options["params"])
    module.warm_up(params)
    return module, params


def work(loaded: tuple[Any, Any], video: Path, folder: Path, _: Job) -> None:
    """Run the stage."""
    module, params = loaded
    source = Source(path=video, name=video.name, probe=probe(video))
    result = module.run(source, params, folder, Deadline(_LIMIT_S))
    (folder / "summary.json").write_text(json.dumps(result.summary), encoding="utf-8")
    transcript = folder / "transcript.json"
    if transcript.is_file():
        segments = json.loads(transcript.read_text(encoding="utf-8"))["segments"]
        found = (word for segment in segments for word in segment["words"])
        write_words(((word["text"], word["start"], word["end"]) for word in found), folder)


if __name__ == "__main__":
    perform(load, work)
