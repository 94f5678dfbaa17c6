"""The causes of each kind of fault, around one job; each returns the id of the job's video."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import psutil

from pipeline.aws import clients as aws
from tests.faults.door import Away, Busy, Cut, Door, Hold, Match, Request, Slow
from tests.faults.kinds import Kind
from tests.faults.stack import SERVICES, STAGE, Stack, until

# Above a lease (3 s), and above the limit on a run (11 s) of the worker that is stopped.
LEASE_S, STOPPED_S = 3, 14
LIMIT_S = "16"
AWAY_S = 12.0


def _reads_source(request: Request) -> bool:
    return request.method == "GET" and "-uploads/" in request.path


def _writes(name: str) -> Match:
    return lambda request: request.method == "PUT" and request.path.endswith(name)


def _updates(word: bytes) -> Match:
    return lambda request: request.operation == "UpdateItem" and word in request.body


MATCHES: dict[str, tuple[str, Match]] = {
    "claim": ("dynamodb", _updates(b"receipt")),
    "fetch": ("s3", _reads_source),
    "publish": ("s3", _writes("/out.mp4")),
    "manifest": ("s3", _writes("/manifest.json")),
    "record": ("dynamodb", _updates(b"succeeded")),
    "announce": ("events", lambda request: request.operation == "PutEvents"),
    "delete": ("sqs", lambda request: request.operation == "DeleteMessage"),
}


@contextmanager
def at(stack: Stack, kind: Kind, *, drop: bool = False) -> Iterator[str]:
    """Drop a video, and hold its run at the moment of a kind while the block lasts.

    Args:
        stack: the stack.
        kind: the kind.
        drop: the request that was held is not sent, unless it was carried out before.
    """
    if kind.moment == "work":
        video = stack.drop()
        until(stack.tools)
        yield video
        return
    service, match = MATCHES[kind.moment or ""]
    hold = Hold(match, late=kind.late)
    with stack.doors[service].disturbed(hold):
        video = stack.drop()
        until(hold.reached.is_set)
        try:
            yield video
        finally:
            hold.dropped = drop and not kind.late
            hold.released.set()


def _doors(stack: Stack, target: str) -> list[Door]:
    if target.startswith("all"):
        return list(stack.doors.values())
    return [stack.doors[target]]


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for one in processes:
        with suppress(psutil.Error):
            one.send_signal(number)


def _victims(stack: Stack, target: str) -> list[psutil.Process]:
    match target:
        case "ffmpeg":
            return stack.tools()
        case "handler":
            return stack.handlers()
        case "server":
            return [psutil.Process(stack.server.pid)]
    return [one for worker in stack.workers for one in stack.family(worker)]


def kill(stack: Stack, kind: Kind) -> str:
    """Kill processes, and start again what nobody else does."""
    with at(stack, kind, drop=True) as video:
        _signal(_victims(stack, kind.target), signal.SIGKILL)
        if kind.target == "worker":
            stack.end_workers()
        if kind.target == "server":
            stack.server.kill()
    if kind.target == "server":
        stack.restart_server()
    if kind.target == "worker":
        stack.start_worker()
    return video


def stop(stack: Stack, kind: Kind) -> str:
    """Stop processes for longer than a lease lasts and a run may take, then let them go on."""
    with ExitStack() as leaving:
        if kind.target == "worker":
            leaving.enter_context(stack.worker(VIDEODROP_WORKER_TIMEOUT_S=LIMIT_S))
        with at(stack, kind) as video:
            victims = _victims(stack, kind.target)
            _signal(victims, signal.SIGSTOP)
            time.sleep(STOPPED_S if kind.target == "worker" else 2 * LEASE_S)
            _signal(victims, signal.SIGCONT)
        stack.ended(video)
    return video


def take_over_from(stack: Stack, kind: Kind) -> str:
    """Stop a worker until another one has taken over its run and ended it."""
    with stack.worker():
        with at(stack, kind) as video:
            victims = _victims(stack, "worker")
            _signal(victims, signal.SIGSTOP)
            stack.start_worker()
            try:
                stack.ended(video)
            finally:
                _signal(victims, signal.SIGCONT)
        time.sleep(2 * LEASE_S)  # the first one notices, and writes nothing
    return video


def cut_the_power_of(stack: Stack, kind: Kind) -> str:
    """Kill everything at once; the files keep what was synced."""
    with at(stack, kind, drop=True) as video:
        stack.cut_power()
    stack.restart_server()
    stack.start_worker()
    return video


def take_away(stack: Stack, kind: Kind) -> str:
    """Reset all connections to services for a while."""
    if kind.moment is None:
        with stack.worker(FAULTS_SERVED="1"):
            with stack.doors["s3"].disturbed(Away(_reads_source)):
                video = stack.drop()
                time.sleep(AWAY_S)
            stack.ended(video)
            until(lambda: not stack.left())
        return video
    with at(stack, kind) as video, ExitStack() as away:
        for door in _doors(stack, kind.target):
            away.enter_context(door.disturbed(Away()))
        time.sleep(AWAY_S)
    return video


def answer_503_for(stack: Stack, kind: Kind) -> str:
    """Answer every request with 503 for a while."""
    with at(stack, kind) as video, _doors(stack, kind.target)[0].disturbed(Busy(503, "SlowDown")):
        time.sleep(AWAY_S)
    return video


def throttle_every_second_request_of(stack: Stack, kind: Kind) -> str:
    """Answer every second request as one too many."""
    fault = (
        Busy(400, "ProvisionedThroughputExceededException", nth=2)
        if kind.target == "dynamodb"
        else Busy(503, "SlowDown", nth=2)
    )
    return _disturbed(stack, {kind.target: fault})


def delay_by_2_s(stack: Stack, kind: Kind) -> str:
    """Delay every request."""
    del kind
    return _disturbed(stack, {name: Slow(2) for name in SERVICES})


def cut_the_body_of(stack: Stack, kind: Kind) -> str:
    """Break off the first answers that have the source."""
    cut = {"s3": Cut(_reads_source, 2)}
    if kind.target == "the source":
        return _disturbed(stack, cut)
    with stack.worker(FAULTS_SERVED="1"):
        return _disturbed(stack, cut)


def lose_the_answer_of(stack: Stack, kind: Kind) -> str:
    """Carry out a request twice, and answer it neither time."""
    service, match = MATCHES[kind.moment or ""]
    return _disturbed(stack, {service: Cut(match, 2, share=0)})


def _disturbed(stack: Stack, faults: dict[str, "Busy | Slow | Cut"]) -> str:
    with ExitStack() as leaving:
        for service, fault in faults.items():
            leaving.enter_context(stack.doors[service].disturbed(fault))
        video = stack.drop()
        stack.ended(video)
        until(lambda: not stack.left())
    return video


def fill(stack: Stack, kind: Kind) -> str:
    """Leave no room for a copy of the source until the run was given back."""
    del kind
    stack.scratch.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(stack.scratch)]
    subprocess.run(mount, check=True, capture_output=True)
    full = stack.scratch.parent / "scratch" / "videodrop-full"
    try:
        free = os.statvfs(stack.scratch)
        full.write_bytes(bytes(free.f_bavail * free.f_bsize - 8192))
        video = stack.drop()
        until(lambda: _code(stack, video) == "disk_full")
        full.unlink()
        stack.ended(video)
        until(lambda: not stack.left())
    finally:
        subprocess.run(["umount", "-l", str(stack.scratch)], check=True)
    return video


def _code(stack: Stack, video: str) -> str:
    run = stack.run(video)
    return run.error.code if run and run.error else ""


def put_the_clock_10_min_forward_of(stack: Stack, kind: Kind) -> str:
    """Have a worker whose clock is wrong."""
    forward = "forward" in kind.fault
    with stack.worker(FAULTS_SKEW_S="600" if forward else "-600"):
        video = stack.drop()
        stack.ended(video)
        until(lambda: not stack.left())
    return video


put_the_clock_10_min_back_of = put_the_clock_10_min_forward_of


def deliver_twice(stack: Stack, kind: Kind) -> str:
    """Send a copy of the message while its run goes on."""
    del kind
    sent = _Copies(stack)
    video = stack.drop()
    until(stack.tools)
    sent.send()
    stack.ended(video)
    sent.send()
    time.sleep(1)
    return video


def deliver_late(stack: Stack, kind: Kind) -> str:
    """Send the event of a revision once more after a later one was processed."""
    del kind
    sent, key = _Copies(stack), "videos/late/clip.mp4"
    stack.ended(stack.drop(key=key))
    until(lambda: not stack.left())
    video = stack.drop(key=key)
    until(stack.tools)
    stack.ended(video)
    sent.send(0)
    time.sleep(1)
    return video


def delete(stack: Stack, kind: Kind) -> str:
    """Delete the source while its run goes on."""
    with at(stack, kind) as video:
        _change_source(stack, None)
    return video


def replace(stack: Stack, kind: Kind) -> str:
    """Replace the source while its run goes on."""
    with at(stack, kind) as video:
        _change_source(stack, stack.content())
    until(lambda: not stack.left())
    return video


def _change_source(stack: Stack, content: bytes | None) -> None:
    where = {"Bucket": stack.settings.names.uploads_bucket, "Key": stack.last_key}
    if content is None:
        aws.client("s3").delete_object(**where)
    else:
        aws.client("s3").put_object(**where, Body=content)


def upload(stack: Stack, kind: Kind) -> str:
    """Upload a file that does not have a video."""
    del kind
    return stack.drop(os.urandom(20_000))


class _Copies:
    """Copies of the events of uploads, which a queue of its own receives."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sqs = aws.client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"copies-{time.time_ns()}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        bucket = stack.settings.names.uploads_bucket
        pattern = f'{{"source": ["aws.s3"], "detail": {{"bucket": {{"name": ["{bucket}"]}}}}}}'
        events = aws.client("events")
        events.put_rule(Name="copies", EventPattern=pattern)
        target = {"Id": "copies", "Arn": arn["Attributes"]["QueueArn"]}
        events.put_targets(Rule="copies", Targets=[target])
        self._bodies: list[str] = []

    def send(self, which: int = -1) -> None:
        """Send one of the events again."""
        while found := self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            self._bodies += [one["Body"] for one in found]
        names = self._stack.settings.names
        url = self._sqs.get_queue_url(QueueName=names.queue(STAGE))["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=self._bodies[which])


def cause(kind: Kind) -> Callable[[Stack, Kind], str]:
    """Return the function that causes a kind."""
    found: Callable[[Stack, Kind], str] = globals()[kind.fault.replace(" ", "_")]
    return found
