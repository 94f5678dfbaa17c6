"""A handler in its child process, with AWS's runtime client and our Runtime API."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from pipeline.hosts.child import Child
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.runtime import Failed, Response, Runtime
from tests.fakes.lambda_events import TRACE

HERE = Path(__file__).parent
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"
pytestmark = pytest.mark.usefixtures("untraced_children")


@pytest.fixture
def host(tmp_path):
    runtimes = []

    def make(handler="handlers_under_test.handle", **limits):
        function = Function(
            name="f",
            handler=handler,
            env={"PYTHONPATH": str(HERE), "OUT": str(tmp_path), "VIDEODROP_STAGE": "s"},
            **{"timeout_s": 60, "memory_mb": 1024, "threads": 3} | limits,
        )
        runtimes.append(Runtime(function, ARN, "eu-west-1"))
        return runtimes[-1]

    yield make
    for runtime in runtimes:
        runtime.close()


def event(**order):
    attributes = {"ApproximateReceiveCount": "1"}
    return {"Records": [{"messageId": "m", "body": json.dumps(order), "attributes": attributes}]}


def calls(tmp_path):
    return [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]


def gone(leader):
    """Wait until every process of a session has ended: a kill takes a moment."""
    end = time.monotonic() + 60
    while left := session(leader):
        assert time.monotonic() < end, left
        time.sleep(0.02)


def session(leader):
    """Return the running processes of a session, without zombies."""
    return [p for p in psutil.pids() if _sid(p) == leader and _alive(p)]


def _sid(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _alive(pid):
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def test_a_handler_gets_the_event_and_lambdas_context(host, tmp_path):
    runtime = host()
    sent = event(do="return", what={"ä": [1, None]})
    assert runtime.invoke(sent) == Response({"ä": [1, None]})
    (call,) = calls(tmp_path)
    assert call["event"] == sent
    assert call["arn"] == ARN
    assert call["name"] == "f"
    assert 55_000 < call["left_ms"] <= 60_000
    assert call["request_id"]
    assert call["trace"].startswith("Root=1-")


def test_the_trace_of_a_message_continues_in_its_handler(host, tmp_path):
    sent = event()
    sent["Records"][0]["attributes"]["AWSTraceHeader"] = TRACE
    host().invoke(sent)
    (call,) = calls(tmp_path)
    assert call["trace"] == TRACE


@pytest.mark.parametrize("header", ["\N{SNOWMAN}", "Root=1\r\nX-Other: 1"])
def test_an_invalid_trace_does_not_hang_the_child(host, tmp_path, header):
    runtime = host(timeout_s=5)
    sent = event()
    sent["Records"][0]["attributes"]["AWSTraceHeader"] = header
    assert runtime.invoke(sent) == Response(None)
    (call,) = calls(tmp_path)
    assert call["trace"].endswith("Sampled=0")


def test_the_child_stays_warm_and_large_payloads_pass(host, tmp_path):
    runtime = host()
    large = "é" * 2_000_000
    assert runtime.invoke(event(do="return", what=large)) == Response(large)
    assert runtime.invoke(event()) == Response(None)
    first, second = calls(tmp_path)
    assert first["pid"] == second["pid"]
    assert first["request_id"] != second["request_id"]


def test_the_child_has_its_share_of_threads_and_its_own_session(host, tmp_path):
    host().invoke(event())
    (call,) = calls(tmp_path)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIDEODROP_THREADS"):
        assert call["environment"][name] == "3"
    assert call["environment"]["PYTHONUNBUFFERED"] == "1", "a kill loses nothing that it printed"
    assert call["environment"]["VIDEODROP_STAGE"] == "s"
    assert call["environment"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "1024"
    assert call["environment"]["AWS_REGION"] == "eu-west-1"
    assert call["session"] == call["pid"]


def test_an_error_is_returned_and_the_child_kept(host, tmp_path):
    runtime = host()
    assert runtime.invoke(event(do="raise")) == Failed("error", "ValueError: no good")
    assert runtime.invoke(event()) == Response(None)
    assert len({call["pid"] for call in calls(tmp_path)}) == 1


def test_a_child_past_its_deadline_is_killed_with_all_it_started(host, tmp_path):
    runtime = host(timeout_s=1)
    failed = runtime.invoke(event(do="sleep", s=600))
    assert failed == Failed("timeout", "It did not end within 1 s.")
    gone(calls(tmp_path)[0]["session"])
    assert runtime.invoke(event()) == Response(None)


def test_a_replay_and_all_that_it_starts_run_at_the_lowest_priority(host):
    replay = host(lane="replay").invoke(event(do="tell priority")).payload
    assert replay == [[os.SCHED_IDLE, "nice 19"]] * 2
    live = host().invoke(event(do="tell priority")).payload
    assert [policy for policy, _ in live] == [os.SCHED_OTHER] * 2


def test_memory_is_limited_for_the_child_and_what_it_starts_together(host, tmp_path):
    runtime = host(memory_mb=150)
    assert runtime.invoke(event()) == Response(None)
    failed = runtime.invoke(event(do="hog", mb=300))
    assert failed == Failed("out_of_memory", "It needed more than 150 MB.")
    gone(calls(tmp_path)[0]["session"])
    gone(int((tmp_path / "hog").read_text()))  # although it had a session of its own
    assert runtime.invoke(event()) == Response(None)


@pytest.mark.parametrize(("order", "ending"), [("exit", "exit status 3"), ("die once", "SIGKILL")])
def test_a_crashed_child_differs_from_an_error_and_is_replaced(host, order, ending):
    runtime = host()
    failed = runtime.invoke(event(do=order))
    assert failed.kind == "crashed"
    assert ending in failed.message
    assert runtime.invoke(event()) == Response(None)


def test_orphans_of_a_crashed_child_are_killed(host, tmp_path):
    runtime = host()

    def crash():
        while not (tmp_path / "calls.jsonl").exists():
            time.sleep(0.02)
        pid = calls(tmp_path)[0]["pid"]
        while len(session(pid)) < 2:
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)

    crasher = threading.Thread(target=crash)
    crasher.start()
    assert runtime.invoke(event(do="sleep", s=600)).kind == "crashed"
    crasher.join()
    gone(calls(tmp_path)[0]["pid"])


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        ("there_is_no_such_module.handle", "Unable to import module"),
        ("handlers_under_test.missing", "Handler 'missing' missing"),
        ("dies_at_import.handle", "killed by SIGABRT"),
    ],
)
def test_a_handler_that_cannot_be_loaded_fails_with_the_reason(host, handler, why):
    failed = host(handler).start()
    assert failed.kind == "init_error"
    assert why in failed.message


def test_a_running_invocation_can_be_cut(host, tmp_path):
    runtime, called = host(), tmp_path / "calls.jsonl"

    def cut():
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if called.exists() and called.read_text().endswith("\n"):
                break
            time.sleep(0.02)
        runtime.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    assert runtime.invoke(event(do="sleep", s=600)).kind == "stopped"
    cutter.join()
    gone(calls(tmp_path)[0]["session"])
    assert runtime.start().kind == "stopped"


def test_a_handler_that_is_being_loaded_can_be_cut(host, monkeypatch):
    runtime = host("dies_at_import.handle")
    started = Child.__init__

    def cut_at_once(self, *given, **more):
        started(self, *given, **more)
        runtime.cut()

    monkeypatch.setattr(Child, "__init__", cut_at_once)
    assert runtime.start().kind == "stopped"


def test_a_warm_invocation_takes_milliseconds(host):
    runtime = host()
    runtime.invoke(event())
    took = []
    for _ in range(30):
        started = time.monotonic()
        runtime.invoke(event())
        took.append(time.monotonic() - started)
    # Without TCP_NODELAY and buffered writes each costs 40 ms and more of waiting. One that no
    # other process delays tells.
    assert min(took) < 0.035
