"""The event of a schedule, for functions that have one."""

import uuid
from datetime import UTC, datetime
from typing import Any


def scheduled_event(region: str) -> dict[str, Any]:
    """Return the event that EventBridge Scheduler sends to a function when a schedule is due."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:scheduler:{region}:000000000000:schedule/default/videodrop"],
        "detail": "{}",
    }
