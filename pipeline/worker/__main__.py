"""``python -m pipeline.worker``: host everything in the topology until SIGTERM."""

import logging

from pipeline.settings import Settings
from pipeline.worker.host import Worker

logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s %(message)s")
logging.getLogger("botocore").setLevel("WARNING")
Worker(Settings()).run()
