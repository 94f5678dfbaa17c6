"""The stage on RunPod's queue-based endpoints: ``python -m handlers.on_runpod``. Wiring only.

A job's input is an event as ``hosts.worker.pushed`` describes it. RunPod's library is imported here
alone; its image installs it. https://docs.runpod.io/serverless/workers/handler-functions
"""

import json
from functools import cache
from typing import Any

from pipeline import bootstrap
from pipeline.core.errors import BadInput
from pipeline.hosts.worker.jobs import Done, Jobs


@cache
def _jobs() -> Jobs:
    jobs = Jobs.of_stage(bootstrap.settings())
    jobs.start()
    return jobs


def handler(job: dict[str, Any]) -> Any:
    """Do the event of a job; with an ``error`` in the answer, RunPod records it as failed."""
    jobs = _jobs()
    try:
        pushed = jobs.read(json.dumps(job.get("input")).encode(), {})
    except BadInput as error:
        return {"error": f"{error.code}: {error.message}"}
    outcome = jobs.submit(pushed).result()
    if isinstance(outcome, Done):
        return outcome.payload
    answer: dict[str, Any] = {"error": f"{outcome.code}: {outcome.detail}"}
    if outcome.code == "init_error":
        answer["refresh_worker"] = True  # the next job gets another worker
    return answer


def main() -> None:
    """Take jobs from RunPod until it stops this worker."""
    import runpod  # noqa: PLC0415 - on RunPod alone

    bootstrap.set_up_telemetry("worker")
    _jobs()  # it loads the handler while the library starts
    runpod.serverless.start({"handler": handler})


if __name__ == "__main__":
    main()
