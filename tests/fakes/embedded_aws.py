"""The embedded AWS for tests: it does not wait for the disk, and has the parameter store.

Installations with CloudFront use that.
"""

import os
import sys
from pathlib import Path

from pipeline.hosts.local import server
from pipeline.hosts.local.gate import SERVICES

if __name__ == "__main__":
    os.fsync = os.fdatasync = lambda _: None  # type: ignore[assignment]
    server.main(Path(sys.argv[1]), int(sys.argv[2]), SERVICES | {"ssm"})
