"""Handlers whose events are pushed by HTTP, with real child processes."""

import concurrent.futures
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn

from pipeline.core.settings import Settings
from pipeline.hosts import health
from pipeline.hosts.worker import Function, jobs, server
from pipeline.hosts.worker.server import PushHost
from tests.fakes import aws_events, lambda_events

HERE = Path(__file__).parent


def function(tmp_path, **more):
    given = {"handler": "handlers_under_test.handle", "timeout_s": 30, "memory_mb": 1024} | more
    env = {"PYTHONPATH": f"{HERE}:{HERE.parents[2]}", "OUT": str(tmp_path)}
    return Function(name="detect", env=env, **given)


@pytest.fixture
def serve(tmp_path, untraced_children):  # noqa: ARG001 - needed for its effect
    """Return a function that starts a host of the handlers under test."""
    servers = []

    def started(**more):
        settings = Settings(uploads_bucket="uploads")  # that of the events
        host = PushHost(settings, jobs.Jobs(settings, function(tmp_path, **more)))
        config = uvicorn.Config(host.app(), port=0, lifespan="on", log_config=None)
        served = uvicorn.Server(config)
        thread = threading.Thread(target=served.run)
        thread.start()
        until(lambda: served.started)
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{served.servers[0].sockets[0].getsockname()[1]}",
            timeout=60,
        )
        servers.append((client, served, thread))
        return client, host

    yield started
    for client, served, thread in servers:
        client.close()
        served.should_exit = True
        thread.join()


@pytest.fixture
def given_up(monkeypatch):
    """Return the recorded kills; each run has then failed permanently."""
    told = []

    def abandon(_settings, _function, record, kind, _message):
        told.append((json.loads(record["body"])["do"], kind))
        return True

    monkeypatch.setattr(jobs, "abandon", abandon)
    return told


def batch(*orders, **order):
    return lambda_events.sqs(*map(json.dumps, orders or (order,)))


def event(**order):
    return json.loads(aws_events.created()) | order


def until(condition, timeout_s=120.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def test_the_answer_is_the_handlers_and_its_child_stays(serve, tmp_path):
    client, _ = serve()
    for _ in range(2):
        answer = client.post("/", json=batch(do="return", what={"ä": 1}))
        assert (answer.status_code, answer.json()) == (200, {"ä": 1})
    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert len({call["pid"] for call in calls}) == 1
    assert calls[0]["arn"].endswith(":function:videodrop-detect")
    assert 25_000 < calls[0]["left_ms"] <= 30_000


def test_an_event_about_another_bucket_is_rejected_for_good(serve, tmp_path):
    client, _ = serve()
    for foreign in ({"bucket": "another"}, {"key": "elsewhere/a.mp4"}):
        answer = client.post("/", content=aws_events.created(**foreign))
        assert (answer.status_code, answer.json()["code"]) == (400, "foreign_object")
    assert not (tmp_path / "calls.jsonl").exists()


def test_one_event_to_retry_gets_a_status_for_it(serve):
    client, _ = serve()
    answer = client.post("/", json=event(do="fail once"))
    assert (answer.status_code, answer.json()["code"]) == (503, "again")
    assert int(answer.headers["retry-after"]) > 0


def test_the_answer_to_a_batch_names_the_failed_messages(serve):
    client, _ = serve()
    answer = client.post("/", json=batch(do="fail once"))
    assert answer.json() == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert answer.status_code == 200


def test_a_failure_of_a_pipes_event_is_in_the_status(serve):
    client, _ = serve()
    messages = lambda_events.sqs(json.dumps(event(do="fail once")), aws_events.created())
    answer = client.post("/", json=messages["Records"])
    assert (answer.status_code, answer.json()["code"]) == (503, "again")


def test_a_batch_with_one_unfinished_run_is_retried(serve, monkeypatch):
    over = {"exit": True, "next": False}

    def abandon(_settings, _function, record, *_):
        return over.pop(json.loads(record["body"])["do"])

    monkeypatch.setattr(jobs, "abandon", abandon)
    client, _ = serve()
    answer = client.post("/", json=batch({"do": "exit"}, {"do": "next"}))
    assert (answer.status_code, answer.json()["code"]) == (500, "crashed")
    assert over == {}, "each of them is recorded"


def test_during_a_job_other_events_get_a_time_to_retry(serve, tmp_path, given_up):
    client, host = serve()
    with concurrent.futures.ThreadPoolExecutor() as threads:
        first = threads.submit(client.post, "/", json=event(do="sleep", s=600))
        until((tmp_path / "calls.jsonl").exists)
        assert client.get("/health").json()["busy"]
        second = client.post("/", json=event())
        assert (second.status_code, second.json()["code"]) == (429, "busy")
        assert int(second.headers["retry-after"]) > 0
        host.stop(0.0)
        assert first.result(30).status_code == 200  # it was recorded, and is over
    assert given_up == [("sleep", "stopped")]


def test_one_of_two_concurrent_requests_is_rejected(serve, tmp_path):
    client, _ = serve()
    body = json.dumps(event()).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((client.base_url.host, client.base_url.port), 30) as slow:
        slow.sendall(head.encode())
        assert b" 100 " in slow.recv(1000)  # it was accepted, and its body is awaited
        with concurrent.futures.ThreadPoolExecutor() as threads:
            first = threads.submit(client.post, "/", json=event(do="wait for", file="go"))
            until((tmp_path / "calls.jsonl").exists)
            slow.sendall(body)
            try:
                assert b" 429 " in slow.recv(1000)
            finally:
                (tmp_path / "go").touch()
            assert first.result(30).status_code == 200
    assert len((tmp_path / "calls.jsonl").read_text().splitlines()) == 1


def test_a_job_continues_when_its_sender_disconnects_and_a_retry_waits(serve, tmp_path):
    client, _ = serve()
    body = json.dumps(event(do="wait for", file="go"))
    gone = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
    gone.request("POST", "/", body)
    until((tmp_path / "calls.jsonl").exists)
    gone.close()
    assert client.post("/", content=body).status_code == 429
    (tmp_path / "go").touch()
    until(lambda: not client.get("/health").json()["busy"])
    assert len((tmp_path / "calls.jsonl").read_text().splitlines()) == 1
    assert client.post("/", content=body).status_code == 200


def test_a_stopping_instance_accepts_no_more_events(serve):
    client, host = serve()
    host.stop(600)
    answer = client.post("/", json=event())
    assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("order", "limits", "kind"),
    [
        ({"do": "sleep", "s": 600}, {"timeout_s": 1}, "timeout"),
        ({"do": "hog", "mb": 300}, {"memory_mb": 150}, "out_of_memory"),
        ({"do": "exit"}, {}, "crashed"),
    ],
)
def test_limits_hold_and_a_permanently_failed_run_is_not_retried(
    serve, given_up, order, limits, kind
):
    client, _ = serve(**limits)
    answer = client.post("/", json=event(**order))
    assert (answer.status_code, answer.json()) == (200, {"batchItemFailures": []})
    assert given_up == [(order["do"], kind)]


@pytest.mark.parametrize(
    ("order", "limits", "status"),
    [
        ({"do": "raise"}, {}, 500),
        ({"do": "exit"}, {}, 500),
        ({"do": "sleep", "s": 600}, {"timeout_s": 1}, 504),
    ],
)
def test_an_unfinished_run_gets_a_status_that_senders_retry(
    serve, monkeypatch, order, limits, status
):
    def abandon(*_):
        raise OSError("the catalog is away")

    monkeypatch.setattr(jobs, "abandon", abandon)
    client, _ = serve(**limits)
    assert client.post("/", json=event(**order)).status_code == status


def test_a_handler_that_cannot_be_loaded_is_not_healthy(serve):
    client, _ = serve(handler="there_is_no_such_module.handle")
    answer = client.post("/", json=event())
    assert (answer.status_code, answer.json()["code"]) == (503, "init_error")
    answer = client.get("/health")
    assert answer.status_code == 503
    assert "Unable to import module" in answer.json()["detail"]


def test_bad_requests_reach_no_handler_and_are_answered_as_problems(serve, tmp_path, monkeypatch):
    client, host = serve()
    told = [
        client.post("/", content=b"video"),
        client.post("/", json=event(detail={})),
        client.post("/", json={}),
        client.post("/", content=b" " * (1 << 20) + b"{}"),
        client.get("/"),
        client.post("/elsewhere", json=event()),
    ]
    monkeypatch.setattr(host._jobs, "_do", None)
    told.append(client.post("/", json=event()))
    for answer, status in zip(told, (400, 400, 400, 413, 405, 404, 500), strict=True):
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem["status"]) == (status, status)
        assert problem["title"] == http.HTTPStatus(status).phrase
        assert problem["type"] == f"urn:videodrop:problem:{problem['code']}"
        assert problem["detail"]
    assert told[4].headers["Allow"] == "POST"
    assert not (tmp_path / "calls.jsonl").exists()


@pytest.fixture
def served(tmp_path):
    """Start a server in a process of its own, send it a job that waits, and send SIGTERM."""
    running = []

    def started(grace_s):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        code = (
            "import pathlib; from pipeline.core.settings import Settings;"
            "from pipeline.hosts.worker import jobs, server;"
            "from tests.integration.hosts.test_server import function;"
            "jobs.abandon = lambda *_: False;"
            "settings = Settings(uploads_bucket='uploads');"
            f"function = function(pathlib.Path({str(tmp_path)!r}), timeout_s=600);"
            f"server.serve(settings, jobs.Jobs(settings, function), {port}, grace_s={grace_s})"
        )
        process = subprocess.Popen([sys.executable, "-c", code], cwd=HERE.parents[2])
        running.append(process)
        until(lambda: health.answers(port))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/", json.dumps(event(do="wait for", file="go")))
        until((tmp_path / "calls.jsonl").exists)
        process.send_signal(signal.SIGTERM)
        return process, port, connection

    yield started
    for process in running:
        process.kill()
        process.wait()


def test_on_sigterm_it_stops_listening_and_lets_its_job_end(served, tmp_path):
    process, port, connection = served(grace_s=60)
    until(lambda: not health.answers(port))
    (tmp_path / "go").touch()
    assert connection.getresponse().status == 200
    connection.close()
    process.wait(30)


def test_a_job_that_does_not_end_in_time_is_given_back(served):
    process, _, connection = served(grace_s=0.1)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (503, "stopped")
    connection.close()
    process.wait(30)


def test_a_job_that_cannot_be_killed_makes_an_instance_unhealthy(serve, monkeypatch):
    client, host = serve()
    until(lambda: client.get("/health").status_code == 200)
    end = threading.Event()
    monkeypatch.setattr(host._jobs, "_do", lambda _: end.wait() and jobs.Done({}))
    host._jobs.runtime._looked -= 1e6  # it has been idle for long, which is not a hang
    with concurrent.futures.ThreadPoolExecutor() as threads:
        job = threads.submit(client.post, "/", json=event())
        until(lambda: host._jobs.busy)
        answers = [client.get("/health")]
        host._jobs.runtime._looked -= 1e6
        answers.append(client.get("/health"))
        end.set()
        assert [one.status_code for one in answers] == [200, 503]
        assert (answers[0].json()["busy"], answers[1].json()["code"]) == (True, "hung")
        assert job.result(30).status_code == 200
    assert client.get("/health").status_code == 200


# -- authorization of senders ---------------------------------------------------------------------

TOKEN = "a-token-of-32-characters-or-more"  # noqa: S105 - a test's own


@pytest.fixture
def guarded(monkeypatch, serve):
    """Return a client of a host with a token."""
    monkeypatch.setenv("VIDEODROP_PUSH_TOKEN", TOKEN)
    return serve()[0]


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer  "])
def test_a_sender_with_the_token_is_accepted(guarded, scheme):
    answer = guarded.post(
        "/", json=batch(do="return", what="done"), headers={"Authorization": scheme + TOKEN}
    )
    assert (answer.status_code, answer.json()) == (200, "done")


def test_a_sender_without_the_token_is_rejected(guarded, tmp_path):
    wrong = (None, "", "Bearer", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer \xfc")
    for given in wrong:
        headers = {} if given is None else {"Authorization": given.encode("latin-1")}
        answer = guarded.post("/", json=event(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), given
        assert "Authorization: Bearer" in answer.json()["detail"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in answer.text
        # Nor does the answer describe an event.
        assert guarded.post("/", content=b"video", headers=headers).status_code == 401
    until(lambda: guarded.get("/health").status_code == 200)
    assert not (tmp_path / "calls.jsonl").exists()


def test_tokens_are_compared_in_constant_time(guarded, monkeypatch):
    compared = []
    monkeypatch.setattr(server.hmac, "compare_digest", lambda *both: compared.append(both))
    assert guarded.post("/", headers={"Authorization": "Bearer x"}).status_code == 401
    assert compared == [(b"x", TOKEN.encode())]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
def test_no_page_in_a_browser_sends_events(serve, tmp_path, origin):
    client, _ = serve()
    headers = {"Origin": origin, "Content-Type": "text/plain"}
    answer = client.post("/", content=json.dumps(event(do="return")), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert not (tmp_path / "calls.jsonl").exists()


@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_host_without_a_token_logs_a_warning(monkeypatch, caplog, tmp_path, token):
    monkeypatch.setattr(server._Server, "run", lambda _: None)
    if token:
        monkeypatch.setenv("VIDEODROP_PUSH_TOKEN", token)
    settings = Settings(uploads_bucket="uploads")
    server.serve(settings, jobs.Jobs(settings, function(tmp_path)), 8080, grace_s=8)
    assert ("set VIDEODROP_PUSH_TOKEN" in caplog.text) is (token is None)
