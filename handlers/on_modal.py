"""The stage on Modal: ``modal deploy -m handlers.on_modal``. Wiring only.

The container is started in two steps, and Modal keeps a snapshot of its memory after the first:
libraries and weights before it, without a GPU and without a client of AWS; the GPU after it. Later
containers begin with the snapshot. https://modal.com/docs/guide/memory-snapshots

Modal's library is imported here alone. It runs where the app is deployed, and Modal provides it in
the container.
"""

import json
import os
from typing import Any

import modal

from pipeline import bootstrap
from pipeline.core.errors import BadInput
from pipeline.hosts.worker.jobs import Done, Jobs

STAGE = os.environ.get("VIDEODROP_STAGE", "transcribe")
# The longest job, a minute before Modal's own limit.
_TIMEOUT_S = 3600
# Modal's secret with the keys of a private registry.
_REGISTRY = os.environ.get("REGISTRY_SECRET")
_SETTINGS = {"VIDEODROP_STAGE": STAGE, "VIDEODROP_WORKER_TIMEOUT_S": str(_TIMEOUT_S - 60)}

app = modal.App(f"videodrop-{STAGE}")


@app.cls(
    image=modal.Image.from_registry(
        os.environ.get("IMAGE", "videodrop-gpu"),
        secret=modal.Secret.from_name(_REGISTRY) if _REGISTRY else None,
    )
    .entrypoint([])
    .env(_SETTINGS),
    # AWS_REGION, keys, and the settings of the installation.
    secrets=[modal.Secret.from_name("videodrop")],
    gpu=os.environ.get("GPU", "L4"),
    timeout=_TIMEOUT_S,
    retries=modal.Retries(max_retries=5, initial_delay=30.0, backoff_coefficient=2.0),
    max_containers=10,
    enable_memory_snapshot=True,
)
class Stage:
    """One container: a child that hosts the stage's handler, and one job at a time in it."""

    _jobs: Jobs

    @modal.enter(snap=True)
    def import_all(self) -> None:
        """Start the child, import its libraries and check its weights."""
        bootstrap.set_up_telemetry("worker")
        self._jobs = Jobs.of_stage(bootstrap.settings())
        self._jobs.start().result()
        self._do({"warm_up": "imports"})

    @modal.enter(snap=False)
    def use_gpu(self) -> None:
        """Load the model on the GPU."""
        self._do({"warm_up": True})

    @modal.exit()
    def close(self) -> None:
        """Give a running job back, and end the child."""
        self._jobs.close()

    @modal.method()
    def run(self, event: dict[str, Any]) -> Any:
        """Do an event; Modal calls again after an error.

        Raises:
            RuntimeError: it was not done, and may be if it is sent again.
        """
        try:
            return self._do(event)
        except BadInput as error:
            return {"error": f"{error.code}: {error.message}"}

    def _do(self, event: dict[str, Any]) -> Any:
        outcome = self._jobs.submit(self._jobs.read(json.dumps(event).encode(), {})).result()
        if isinstance(outcome, Done):
            return outcome.payload
        raise RuntimeError(f"{outcome.code}: {outcome.detail}")
