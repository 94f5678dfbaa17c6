"""Handlers for the worker's tests, with their orders in the message's body."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pipeline.media.process import Caps
from pipeline.media.process import Child as Tool

OUT = Path(os.environ.get("OUT", "."))


def priority(pid):
    """Return a process's scheduling policy and its session's priority."""
    try:
        session = Path(f"/proc/{pid}/autogroup").read_text().split(" ", 1)[1].strip()
    except OSError:
        session = "nice 19"  # this kernel does not schedule by session
    return [os.sched_getscheduler(pid), session]


def handle(event, context):  # noqa: C901 - a case for each order
    records = event.get("Records", [])
    orders = [json.loads(record["body"]) for record in records] or [{"do": "schedule"}]
    with (OUT / "calls.jsonl").open("a") as calls:
        call = {
            "event": event,
            "pid": os.getpid(),
            "session": os.getsid(0),
            "environment": dict(os.environ),
            "request_id": context.aws_request_id,
            "arn": context.invoked_function_arn,
            "left_ms": context.get_remaining_time_in_millis(),
            "name": context.function_name,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        }
        calls.write(json.dumps(call) + "\n")
    order = orders[0]
    first = int(records[0]["attributes"]["ApproximateReceiveCount"]) == 1 if records else False
    match order.get("do"):
        case "raise":
            raise ValueError("no good")
        case "fail once" if first:
            return {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
        case "die once" if first:
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "sleep":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            time.sleep(order["s"])
        case "wait for":
            while not (OUT / order["file"]).exists():
                time.sleep(0.02)
        case "hog":
            hog = f"b = bytearray({order['mb']} << 20); import time; time.sleep(600)"
            with subprocess.Popen([sys.executable, "-c", hog], start_new_session=True) as process:
                (OUT / "hog").write_text(str(process.pid))
        case "tell priority":
            with Tool(["sleep", "600"], Caps()) as tool:
                return [priority(os.getpid()), priority(tool._popen.pid)]
        case "return":
            return order["what"]
    return None
