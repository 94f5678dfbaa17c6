"""The worker, with real queues and child processes."""

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.aws import clients as aws
from pipeline.aws import provision as resources
from pipeline.hosts.child import Child
from pipeline.hosts.worker import Function, Worker, host, runtime
from pipeline.hosts.worker.lane import Lane
from pipeline.hosts.worker.runtime import Runtime
from tests.fakes.lambda_events import TRACE

HERE = Path(__file__).parent
pytestmark = pytest.mark.usefixtures("untraced_children")


class Bench:
    def __init__(self, settings, out):
        self.settings = settings
        self.out = out
        self.failed = []
        self.over = False
        self.workers = []

    def function(self, name="detect", **more):
        self.url(name, more.get("lane", "live"))
        more = {"handler": "handlers_under_test.handle", "timeout_s": 30, "memory_mb": 1024} | more
        env = {"PYTHONPATH": str(HERE), "OUT": str(self.out), "VIDEODROP_STAGE": name}
        return Function(name=name, env=env, **more)

    def start(self, *functions, **more):
        functions = functions or (self.function(),)
        worker = Worker(
            self.settings, functions, self.on_failed, **{"wait_s": 1, "grace_s": 0.5} | more
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        self.workers.append((worker, thread))
        return worker

    def stop(self):
        for worker, thread in self.workers:
            worker.stop()
            thread.join()

    def on_failed(self, record, kind, message):
        self.failed.append((json.loads(record["body"])["do"], kind, message))
        return self.over

    def url(self, name="detect", lane="live"):
        """Return the address of a queue, which is created the first time."""
        queue = self.settings.names.queue(name, lane)
        return aws.client("sqs").create_queue(QueueName=queue)["QueueUrl"]

    def send(self, name="detect", lane="live", **order):
        aws.client("sqs").send_message(QueueUrl=self.url(name, lane), MessageBody=json.dumps(order))

    def receive(self, name="detect", lane="live"):
        return aws.client("sqs").receive_message(
            QueueUrl=self.url(name, lane),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )["Messages"]

    def counts(self, name="detect", lane="live"):
        found = aws.client("sqs").get_queue_attributes(
            QueueUrl=self.url(name, lane), AttributeNames=["All"]
        )["Attributes"]
        return (
            int(found["ApproximateNumberOfMessages"]),
            int(found["ApproximateNumberOfMessagesNotVisible"]),
        )

    def calls(self):
        path = self.out / "calls.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [
            json.loads(line) for line in lines if line.endswith("\n")
        ]  # the last may be incomplete

    def orders(self):
        return [json.loads(c["event"]["Records"][0]["body"])["do"] for c in self.calls()]

    def until(self, condition, timeout_s=120.0):
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.05)


@pytest.fixture
def settings(config):
    return config.model_copy(update={"lease_s": 3})


@pytest.fixture
def bench(settings, tmp_path):
    bench = Bench(settings, tmp_path)
    yield bench
    bench.stop()


@pytest.fixture
def one_core(monkeypatch):
    monkeypatch.setattr(host, "cores", lambda: 1)


def test_an_upload_is_handled_by_every_stage_and_then_gone(bench):
    resources.ensure(bench.settings)
    stages = list(bench.settings.topology.stages)
    bench.start(*map(bench.function, stages))
    aws.client("s3").put_object(
        Bucket=bench.settings.names.uploads_bucket, Key="videos/a+b.mp4", Body=b"film"
    )
    bench.until(lambda: len(bench.calls()) == len(stages))
    assert {call["environment"]["VIDEODROP_STAGE"] for call in bench.calls()} == set(stages)
    for stage in stages:
        bench.until(lambda stage=stage: bench.counts(stage) == (0, 0))
    for call in bench.calls():
        (record,) = call["event"]["Records"]
        assert json.loads(record["body"])["detail"]["object"]["key"] == "videos/a+b.mp4"
        assert record["eventSource"] == "aws:sqs"
        assert record["awsRegion"] == "us-east-1"
        assert record["eventSourceARN"].startswith("arn:aws:sqs:us-east-1:")
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert int(record["attributes"]["SentTimestamp"]) > 0
        assert record["receiptHandle"]
        assert len(record["md5OfBody"]) == 32


def test_a_message_named_as_failed_comes_back_and_others_are_deleted(bench):
    bench.send(do="fail once")
    bench.start()
    bench.until(lambda: len(bench.calls()) == 2)
    bench.until(lambda: bench.counts() == (0, 0))
    first, second = (call["event"]["Records"][0] for call in bench.calls())
    assert first["messageId"] == second["messageId"]
    assert second["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize("order", [{"do": "raise"}, {"do": "return", "what": "nonsense"}])
def test_a_message_whose_handler_fails_stays(bench, order):
    bench.send(**order)
    bench.start()
    bench.until(bench.calls)
    bench.stop()
    assert sum(bench.counts()) == 1
    assert bench.failed == []  # the handler itself answered: nothing for the host to record


def test_live_work_does_not_wait_for_a_replay_that_runs(bench):
    bench.start(bench.function(), bench.function(lane="replay"))
    bench.send(lane="replay", do="sleep", s=600)
    bench.until(bench.calls)
    bench.send(do="fresh")
    bench.until(lambda: bench.orders() == ["sleep", "fresh"])
    bench.until(lambda: bench.counts() == (0, 0))
    assert bench.counts(lane="replay") == (0, 1)


def test_a_replay_has_a_child_only_while_messages_come(bench):
    before = _handlers()
    bench.start(bench.function(), bench.function(lane="replay", idle_s=0.2))
    bench.send(do="first")  # the live lane's child is up once it has answered
    bench.until(bench.calls)
    assert len(_handlers() - before) == 1
    for number in (1, 2):
        bench.send(lane="replay", do="return", what=None)
        bench.until(lambda number=number: len(bench.calls()) == 1 + number)
        bench.until(lambda: bench.counts(lane="replay") == (0, 0))
        bench.until(lambda: len(_handlers() - before) == 1)
    live, *replays = (call["pid"] for call in bench.calls())
    assert len({live, *replays}) == 3
    assert _alive(live)


def test_no_replay_begins_while_live_jobs_have_every_core(bench, one_core):  # noqa: ARG001 - its effect
    bench.start(bench.function(), bench.function(lane="replay"))
    bench.send(do="sleep", s=4)
    bench.until(bench.calls)
    bench.send(lane="replay", do="replay")
    bench.until(lambda: len(bench.calls()) == 2)
    assert bench.counts() == (0, 0)  # the live job had ended


def test_a_running_replay_continues_beside_live_work(bench, one_core):  # noqa: ARG001 - its effect
    bench.start(bench.function(), bench.function(lane="replay", timeout_s=60))
    bench.send(lane="replay", do="wait for", file="replay")
    bench.until(bench.calls)
    bench.send(do="wait for", file="live")
    bench.until(lambda: len(bench.calls()) == 2)
    (bench.out / "replay").touch()
    bench.until(lambda: bench.counts(lane="replay") == (0, 0))
    assert bench.counts() == (0, 1)  # the live job still runs
    (bench.out / "live").touch()
    bench.until(lambda: bench.counts() == (0, 0))
    assert len(bench.calls()) == 2
    assert bench.failed == []


def test_functions_other_than_stages_delay_no_replay(bench, one_core):  # noqa: ARG001 - its effect
    bench.start(bench.function("janitor"), bench.function(lane="replay"))
    bench.send("janitor", do="sleep", s=600)
    bench.until(bench.calls)
    bench.send(lane="replay", do="replay")
    bench.until(lambda: bench.orders() == ["sleep", "replay"])


@pytest.mark.parametrize("lane", ["live", "replay"])
@pytest.mark.parametrize("over", [True, False])
def test_a_killed_run_is_reported_and_its_message_deleted_only_if_over(bench, over, lane):
    bench.over = over
    bench.send(lane=lane, do="die once")
    bench.start(bench.function(lane=lane))
    bench.until(lambda: bench.failed)
    (order, kind, message) = bench.failed[0]
    assert (order, kind) == ("die once", "crashed")
    assert "SIGKILL" in message
    bench.until(lambda: bench.counts(lane=lane) == (0, 0))
    # A message that is not deleted is retried, and the next child succeeds.
    assert len(bench.calls()) == (1 if over else 2)


def test_runs_past_their_limits_are_reported(bench, one_core):  # noqa: ARG001 - none is starved
    bench.over = True
    bench.send(do="sleep", s=600)
    bench.send(name="transcode", do="hog", mb=300)
    bench.start(bench.function(timeout_s=1), bench.function("transcode", memory_mb=150))
    bench.until(lambda: len(bench.failed) == 2)
    assert {failure[:2] for failure in bench.failed} == {
        ("sleep", "timeout"),
        ("hog", "out_of_memory"),
    }
    bench.until(lambda: bench.counts() == bench.counts("transcode") == (0, 0))


def test_a_failure_that_cannot_be_recorded_leaves_the_message(bench):
    def broken(*_):
        bench.failed.append(1)
        raise RuntimeError("no catalog")

    bench.on_failed = broken
    bench.send(do="exit")
    bench.start()
    bench.until(lambda: bench.failed)
    bench.stop()
    assert sum(bench.counts()) == 1


@pytest.mark.parametrize("lane", ["live", "replay"])
def test_a_stop_ends_a_running_invocation_and_gives_its_message_back_at_once(bench, lane):
    attributes = {"who": {"DataType": "String", "StringValue": "ä"}}
    trace = {"DataType": "String", "StringValue": TRACE}
    aws.client("sqs").send_message(
        QueueUrl=bench.url(lane=lane),
        MessageBody=json.dumps({"do": "sleep", "s": 600}),
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": trace},
    )
    bench.start(bench.function(lane=lane), grace_s=0.1)
    bench.until(bench.calls)
    bench.stop()
    assert bench.counts(lane=lane) == (1, 0)
    # It is never dead-lettered, however often this happens.
    [message] = bench.receive(lane=lane)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["Attributes"]["AWSTraceHeader"] == TRACE
    assert message["MessageAttributes"] == attributes
    assert [failure[:2] for failure in bench.failed] == [("sleep", "stopped")]
    assert not _alive(bench.calls()[0]["pid"])


def test_a_stop_lets_a_running_invocation_end_within_the_grace(bench):
    bench.send(do="sleep", s=1)
    bench.start(grace_s=20)
    bench.until(bench.calls)
    bench.stop()
    assert bench.counts() == (0, 0)


@pytest.mark.parametrize("lane", ["live", "replay"])
def test_a_handler_that_cannot_be_loaded_takes_no_messages(bench, caplog, monkeypatch, lane):
    monkeypatch.setattr(host, "_BEAT_S", 0.01)
    heartbeat = bench.out / "heartbeat"
    bench.send(lane=lane, do="anything")
    broken = bench.function(lane=lane, handler="there_is_no_such_module.handle", idle_s=0.1)
    bench.start(broken, heartbeat=heartbeat)
    bench.until(lambda: caplog.text.count("could not be loaded") == 2)
    bench.stop()
    assert not heartbeat.exists()
    assert bench.counts(lane=lane) == (1, 0)
    (left,) = bench.receive(lane=lane)
    assert left["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_scheduled_function_runs_at_its_times_as_well_as_for_messages(bench):
    bench.start(bench.function("janitor", every_s=0.5))
    bench.until(lambda: len(bench.calls()) >= 2)
    event = bench.calls()[0]["event"]
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.scheduler"
    bench.send(name="janitor", do="message")
    bench.until(lambda: any("Records" in call["event"] for call in bench.calls()))


@pytest.mark.parametrize("lane", ["live", "replay"])
def test_children_share_a_queue(bench, lane):
    for _ in range(2):
        bench.send(lane=lane, do="sleep", s=3)
    bench.start(bench.function(lane=lane, concurrency=2))
    bench.until(lambda: len({call["pid"] for call in bench.calls()}) == 2)


def test_an_outage_of_the_endpoint_is_retried(tmp_path, start_server, point_to, settings, caplog):
    first = start_server(tmp_path / "aws")
    with point_to(first):
        bench = Bench(settings, tmp_path)
        bench.start()
        bench.send(do="first")
        bench.until(lambda: len(bench.calls()) == 1)
        bench.until(lambda: bench.counts() == (0, 0))
        first.child.stop(10)
        bench.until(lambda: "trying again" in caplog.text)
        start_server(tmp_path / "aws", int(first.endpoint.rpartition(":")[2]))
        bench.send(do="second")
        bench.until(lambda: len(bench.calls()) == 2)
        bench.stop()


def test_the_deletion_of_a_finished_message_is_retried(bench, monkeypatch):
    """Check the retries, because the work would otherwise be repeated."""
    fail = [EndpointConnectionError(endpoint_url="x") for _ in range(2)]
    delete = Lane.delete

    def fails_twice(self, message):
        if fail:
            raise fail.pop()
        delete(self, message)

    monkeypatch.setattr(Lane, "delete", fails_twice)
    bench.start()
    bench.send(do="return", what=None)
    bench.until(lambda: len(bench.calls()) == 1 and bench.counts() == (0, 0))
    assert fail == []


def test_a_lane_is_served_after_any_error_of_its_thread(bench, monkeypatch, caplog):
    fail = [BlockingIOError("fork: Resource temporarily unavailable")]
    start = Runtime.start

    def fails_once(self):
        if fail:
            raise fail.pop()
        return start(self)

    monkeypatch.setattr(Runtime, "start", fails_once)
    bench.start()
    bench.send(do="return", what=None)
    bench.until(lambda: len(bench.calls()) == 1)
    assert "Resource temporarily unavailable" in caplog.text


def test_a_child_does_not_outlive_a_worker_that_was_killed(bench, tmp_path):
    script = tmp_path / "one_worker.py"
    script.write_text(
        "import sys\n"
        "from pipeline.core.settings import Settings\n"
        "from pipeline.hosts.worker import Function, Worker\n"
        "f = Function('detect', 'handlers_under_test.handle', 60, 1024)\n"
        "Worker(Settings(name=sys.argv[1]), [f]).run()\n"
    )
    path = os.pathsep.join([str(HERE), str(tmp_path)])
    env = os.environ | {"PYTHONPATH": path, "OUT": str(tmp_path)}
    worker = Child("one_worker", bench.settings.name, env=env)
    try:
        bench.send(do="wait for", file="ever")
        bench.until(bench.calls)
        os.kill(worker.pid, 9)
        bench.until(lambda: not _alive(bench.calls()[0]["pid"]))
    finally:
        worker.kill()


def test_a_worker_is_healthy_during_a_long_job_but_not_once_it_hangs(bench, monkeypatch):
    monkeypatch.setattr(host, "_BEAT_S", 0.1)
    monkeypatch.setattr(runtime, "_HUNG_S", 0.6)
    heartbeat, end = bench.out / "heartbeat", threading.Event()
    bench.send(do="wait for", file="go")
    bench.start(bench.function(memory_mb=150), heartbeat=heartbeat)
    bench.until(bench.calls)
    for _ in range(10):  # above the limit for a thread that hangs
        heartbeat.unlink(missing_ok=True)
        bench.until(heartbeat.exists)
    assert bench.counts() == (0, 1)
    (bench.out / "go").touch()
    kill = Child.kill
    # Like a process that waits in a driver and cannot be killed.
    monkeypatch.setattr(Child, "kill", lambda child: (end.wait(), kill(child)))
    try:
        bench.send(do="hog", mb=300)
        bench.until(lambda: time.time() - heartbeat.stat().st_mtime > 1)
    finally:
        end.set()
    # It continues after the hang.
    bench.until(lambda: time.time() - heartbeat.stat().st_mtime < 1)


def test_a_worker_for_replays_alone_is_healthy_while_there_are_none(bench, monkeypatch):
    monkeypatch.setattr(host, "_BEAT_S", 0.1)
    heartbeat = bench.out / "heartbeat"
    bench.start(bench.function(lane="replay"), heartbeat=heartbeat)
    bench.until(heartbeat.exists)
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("ready", "idles", "alive", "hung", "well"),
    [
        ((True, True), (False, False), (True, True), (False, False), True),
        # A replay's child is temporary.
        ((True, False), (False, True), (True, True), (False, False), True),
        ((False, False), (False, True), (True, True), (False, False), False),
        ((False, False), (True, True), (True, True), (False, False), True),  # nothing to do
        ((True, True), (False, False), (True, False), (False, False), False),
        ((False, False), (True, True), (True, False), (False, False), False),
        ((True, True), (False, False), (True, True), (False, True), False),
    ],
)
def test_a_worker_whose_thread_has_ended_is_not_healthy(ready, idles, alive, hung, well):
    hosts = [
        SimpleNamespace(
            runtime=SimpleNamespace(ready=ready[i], hung=hung[i]),
            idles=idles[i],
            is_alive=lambda i=i: alive[i],
        )
        for i in range(2)
    ]
    assert host._healthy(hosts) is well


def test_an_idle_worker_ends_after_the_last_message_and_not_during_a_job(bench, monkeypatch):
    monkeypatch.setattr(host, "_BEAT_S", 0.1)
    bench.send(do="wait for", file="go")
    bench.send("transcode", do="return", what=None)
    bench.start(bench.function(), bench.function("transcode"), idle_s=0.3)
    (_, thread) = bench.workers[0]
    bench.until(lambda: bench.counts("transcode") == (0, 0) and bench.orders())
    thread.join(1)
    assert thread.is_alive()
    (bench.out / "go").touch()
    thread.join(60)
    assert not thread.is_alive()
    assert bench.counts() == bench.counts("transcode") == (0, 0)


def test_a_worker_that_is_to_end_when_idle_ends_if_it_cannot_serve(bench, monkeypatch):
    monkeypatch.setattr(host, "_BEAT_S", 0.1)
    monkeypatch.setattr(host, "_UNFIT_S", 0.5)
    bench.send(do="return", what=None)
    broken = bench.function(handler="dies_at_import.handle")
    worker = Worker(bench.settings, (broken,), bench.on_failed, wait_s=1, idle_s=60)
    assert worker.run() is False
    bench.until(lambda: bench.counts() == (1, 0))  # it has taken no message


def test_on_sigterm_a_worker_gives_its_message_back_and_the_next_ends_once_it_is_done(
    bench, tmp_path
):
    """As on a Spot host that gets its notice, and on the host that replaces it."""
    (tmp_path / "until_idle.py").write_text(
        "import sys\n"
        "from pipeline.core.settings import Settings\n"
        "from pipeline.hosts.worker import Function, Worker\n"
        f"env = {{'PYTHONPATH': {str(HERE)!r}, 'OUT': {str(tmp_path)!r}}}\n"
        "f = Function('detect', 'handlers_under_test.handle', 600, 1024, env=env)\n"
        "over = lambda *_: False\n"
        "more = {'wait_s': 1, 'grace_s': 0.5, 'idle_s': 1}\n"
        "sys.exit(not Worker(Settings(name=sys.argv[1]), [f], over, **more).run())\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(tmp_path)])}
    bench.send(do="wait for", file="go")
    reclaimed = Child("until_idle", bench.settings.name, env=env)
    try:
        bench.until(bench.calls)
        os.kill(reclaimed.pid, signal.SIGTERM)
        assert reclaimed.wait(30) == 0
    finally:
        reclaimed.kill()
    assert bench.counts() == (1, 0)  # at once, not after its visibility timeout
    (tmp_path / "go").touch()
    other = Child("until_idle", bench.settings.name, env=env)
    try:
        assert other.wait(60) == 0
    finally:
        other.kill()
    assert bench.orders() == ["wait for"] * 2
    assert bench.counts() == (0, 0)


def _handlers():
    """Return our processes that host a handler."""
    found = set()
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "awslambdaric" in process.cmdline():
                found.add(process.pid)
    return found


def _alive(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"
