"""The command ``python -m pipeline.hosts.worker``: host the whole topology until SIGTERM."""

from pipeline import bootstrap
from pipeline.hosts.worker.host import Worker

bootstrap.set_up_telemetry("worker")
Worker(bootstrap.settings()).run()
