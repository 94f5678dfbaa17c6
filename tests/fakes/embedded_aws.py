"""The embedded AWS with the parameter store, which installations with CloudFront use."""

import sys
from pathlib import Path

from pipeline.hosts.local import server
from pipeline.hosts.local.gate import SERVICES

if __name__ == "__main__":
    server.main(Path(sys.argv[1]), int(sys.argv[2]), SERVICES | {"ssm"})
