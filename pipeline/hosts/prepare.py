"""The preparation of an installation: its buckets, queues, rules and table.

It makes them at the endpoints of its environment, as ``videodrop up`` does, and waits for endpoints
that are just starting. A second run changes nothing. On AWS, Terraform does it.
"""

import logging
import time

from pipeline.aws import clients as aws
from pipeline.aws import provision
from pipeline.core.errors import Outage
from pipeline.core.settings import Settings

log = logging.getLogger(__name__)

_PAUSE_S = 1.0


def main(settings: Settings, *, wait_s: float = 120.0) -> None:
    """Make what is missing; try again while an endpoint does not answer.

    Raises:
        DependencyFailed: it rejected a request, or did not answer for ``wait_s`` seconds.
    """
    end = time.monotonic() + wait_s
    while True:
        try:
            changed = provision.ensure(settings)
        except aws.ERRORS as error:
            failure = aws.as_failure(error)
            if not isinstance(failure, Outage) or time.monotonic() > end:
                raise failure from error
            log.warning("%s Trying again.", failure.message)
            time.sleep(_PAUSE_S)
        else:
            log.info("made or changed: %s", ", ".join(changed) or "nothing")
            return
