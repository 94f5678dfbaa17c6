"""The Runtime API, with requests of any runtime client."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from subprocess import PIPE

import pytest

from pipeline.hosts.worker.api import Invocation, RuntimeApi

TRACE = "Root=1-5e6722a7-cc56a4f146db7ae02d4da47e;Sampled=0"
NEXT = "/2018-06-01/runtime/invocation/next"


@pytest.fixture
def api():
    api = RuntimeApi("arn:aws:lambda:us-east-1:1:function:f")
    api.caller = os.getpid()
    yield api
    api.close()


def ask(api, method, path, body=None, **more):
    connection = http.client.HTTPConnection(api.address, timeout=10)
    try:
        connection.request(method, path, body, **more)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


@pytest.fixture
def invocation(api):
    """Return an invocation that a client has received."""
    invocation = Invocation(b'{"n": 1}', time.time() + 9, TRACE)
    api.put(invocation)
    status, event, headers = ask(api, "GET", NEXT)
    assert (status, event) == (200, b'{"n": 1}')
    assert headers["Lambda-Runtime-Aws-Request-Id"] == invocation.id
    assert headers["Lambda-Runtime-Trace-Id"] == TRACE
    return invocation


def answer_to(invocation, kind="response"):
    return f"/2018-06-01/runtime/invocation/{invocation.id}/{kind}"


def test_a_response_in_pieces_is_put_together(api, invocation):
    pieces = iter([b'{"long"', b": true}"])
    status, *_ = ask(api, "POST", answer_to(invocation), pieces, encode_chunked=True)
    assert (status, invocation.response) == (202, b'{"long": true}')


def test_only_the_first_answer_to_the_invocation_that_runs_counts(api, invocation):
    assert ask(api, "POST", answer_to(invocation), b"1")[0] == 202
    assert ask(api, "POST", answer_to(invocation), b"2")[0] == 400
    later = Invocation(b"{}", time.time() + 9, TRACE)
    api.put(later)
    assert ask(api, "POST", answer_to(invocation, "error"), b"3")[0] == 400
    assert (invocation.response, later.answered.is_set()) == (b"1", False)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (b'{"errorType": "ValueError", "errorMessage": "no good"}', "ValueError: no good"),
        (b"Segmentation \xff fault", "Segmentation \N{REPLACEMENT CHARACTER} fault"),
        (b"[]", "[]"),
    ],
)
def test_every_error_report_becomes_one_line(api, invocation, report, said):
    assert ask(api, "POST", answer_to(invocation, "error"), report)[0] == 202
    assert invocation.error == said


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("POST", "/2018-06-01/runtime/invocation/x/shrug")]
)
def test_an_unknown_path_is_not_found(api, method, path):
    assert ask(api, method, path)[0] == 404


def test_an_answer_to_no_invocation_is_rejected(api):
    assert ask(api, "POST", "/2018-06-01/runtime/invocation/x/response", b"1")[0] == 400


def test_an_open_request_is_closed_with_the_api():
    api = RuntimeApi("arn")
    api.caller = os.getpid()
    cut = []

    def wait() -> None:
        try:
            ask(api, "GET", NEXT)
        except (http.client.HTTPException, OSError) as error:
            cut.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert api.settled.wait(10)
    api.close()
    thread.join(10)
    assert [type(error) for error in cut] == [http.client.RemoteDisconnected]


def test_no_other_process_gets_an_event_or_answers_one(api):
    waiting = Invocation(b'{"secret": 1}', time.time() + 9, TRACE)
    api.put(waiting)
    steal = (
        "import sys, urllib.request as u\n"
        "print(u.urlopen(u.Request(sys.argv[1], sys.argv[2].encode() or None), timeout=5).read())"
    )
    for path, body in ((NEXT, ""), (answer_to(waiting), "mine")):
        address = f"http://{api.address}{path}"
        thief = subprocess.run(
            [sys.executable, "-c", steal, address, body], capture_output=True, check=False
        )
        assert (thief.returncode, thief.stdout) == (1, b"")
    assert not api.settled.is_set()
    assert not waiting.answered.is_set()
    assert ask(api, "GET", NEXT)[1] == waiting.event


def test_a_process_that_shares_a_port_number_with_the_child_gets_nothing(api):
    waiting = Invocation(b'{"secret": 1}', time.time() + 9, TRACE)
    api.put(waiting)
    code = (
        "import socket, sys\n"
        "own = socket.socket()\n"
        "own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
        "own.bind(('127.0.0.1', 0))\n"
        "own.connect(('127.0.0.1', int(sys.argv[1])))\n"
        "print(own.getsockname()[1], flush=True)\n"
        "sys.stdin.read()"
    )
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, socket.socket() as thief:
        command = [sys.executable, "-c", code, str(elsewhere.getsockname()[1])]
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as child:
            api.caller = child.pid
            thief.settimeout(10)
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind(("127.0.0.1", int(child.stdout.readline())))
            host, _, port = api.address.partition(":")
            thief.connect((host, int(port)))
            with contextlib.suppress(ConnectionResetError):
                thief.sendall(f"GET {NEXT} HTTP/1.1\r\n\r\n".encode())
                assert thief.recv(1000) == b""
            child.stdin.close()
    assert not api.settled.is_set()


def test_a_child_that_is_gone_leaves_the_api_serving(api):
    with subprocess.Popen(["true"]) as gone:
        pass
    api.caller = gone.pid
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(api, "GET", NEXT)
    api.caller = os.getpid()
    assert ask(api, "GET", "/")[0] == 404


def test_before_its_child_is_known_nobody_is_answered():
    api = RuntimeApi("arn")
    api.put(Invocation(b"{}", time.time() + 9, TRACE))
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(api, "GET", NEXT)
    api.close()
