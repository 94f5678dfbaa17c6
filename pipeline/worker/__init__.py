"""The worker: hosts handlers as Lambda does, on any machine.

host      Worker: a thread for each child, from queue to handler
lanes     a function's queues: live before replay, deleted only on success
runtime   one handler in a child process, with a memory limit and a deadline
api       the Lambda Runtime API that the child talks to
"""

from pipeline.worker.functions import Function, hosted
from pipeline.worker.host import Worker

__all__ = ["Function", "Worker", "hosted"]
