"""The command ``python -m pipeline.hosts.worker``: host the whole topology until SIGTERM."""

from pipeline import bootstrap
from pipeline.core.beats import WORKER
from pipeline.hosts.worker.host import Worker

bootstrap.set_up_telemetry("worker")
settings = bootstrap.settings()
Worker(settings, heartbeat=settings.beats and settings.beats / WORKER).run()
