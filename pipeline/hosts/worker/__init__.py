"""The worker, which hosts handlers as Lambda does, on any machine.

functions hosted functions: the stages, each with a lane for live work and one for replays
host      Worker: a poller for each child, until stopped or idle
poller    a thread for one child, from queue to handler
schedule  the event of a function's schedule
paused    the queues that people have paused
lane      one queue: one message at a time, deleted only on success
load      the running jobs, which decide if a replay may begin
runtime   one handler in a child process, with a memory limit and a deadline
api       the Lambda Runtime API for the child
jobs      pushed events, each done in one child, for hosts without a queue to poll
server    the HTTP server of them
pushed    the events in a pushed request
"""

from pipeline.hosts.worker.functions import Function, hosted
from pipeline.hosts.worker.host import Worker

__all__ = ["Function", "Worker", "hosted"]
