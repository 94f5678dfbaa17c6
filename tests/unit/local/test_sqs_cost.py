"""What sending and receiving cost as a queue grows."""

import subprocess
import sys

SCRIPT = """
from moto.sqs.models import Message, sqs_backends
from pipeline.local import corrections
from pipeline.local.monitor import STATE

corrections.apply()
backend = sqs_backends["123456789012"]["us-east-1"]
backend.create_queue("q", region="us-east-1")
looks = []
visible = Message.visible.fget
Message.visible = property(lambda self: looks.append(1) or visible(self))
costs = []
with STATE:
    for _ in range(50):
        before = len(looks)
        backend.send_message("q", "body")
        costs.append(len(looks) - before)
assert costs == [0] * 50, costs
"""


def test_a_send_looks_at_no_message_that_waits():
    # In a process of its own: the corrections change moto for good.
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
