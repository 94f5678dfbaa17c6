"""The waiting receivers of moto's queues, and the cost of large queues."""

import subprocess
import sys

# Each runs in its own process, because the patches change moto permanently.
BEGIN = """
import threading
from moto.sqs.models import Message, sqs_backends
from pipeline.hosts.local import moto_patches
from pipeline.hosts.local.monitor import STATE

moto_patches.apply()
backend = sqs_backends["123456789012"]["us-east-1"]
backend.create_queue("q", region="us-east-1")
"""
COST = """
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
WAKE = """
waiting = threading.Event()
wait = STATE.wait


def only_when_told(timeout):
    waiting.set()
    return wait()


STATE.wait = only_when_told
found = []


def receive():
    with STATE:
        found.extend(backend.receive_message("q", 1, 20, 30, []))


thread = threading.Thread(target=receive)
thread.start()
waiting.wait()
with STATE:
    backend.send_message("q", "body")
thread.join()
assert [message.body for message in found] == ["body"]
"""


def run(script):
    subprocess.run([sys.executable, "-c", BEGIN + script], check=True, timeout=30)


def test_a_send_reads_no_waiting_message():
    run(COST)


def test_a_message_wakes_a_waiting_receiver():
    run(WAKE)
