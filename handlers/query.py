"""The query API on Lambda, behind an API Gateway HTTP API or a function URL. Wiring only."""

import logging

from mangum import Mangum

from pipeline.api.app import create_app

logging.getLogger().setLevel(logging.INFO)

handler = Mangum(create_app(), lifespan="off")
