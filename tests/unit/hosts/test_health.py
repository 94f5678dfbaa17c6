"""The health check of a container."""

import os
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline.hosts import health


@pytest.mark.parametrize(("seconds_ago", "well"), [(0, True), (60, True), (180, False)])
def test_a_worker_is_healthy_while_its_file_is_touched(tmp_path, seconds_ago, well):
    heartbeat, then = tmp_path / "heartbeat", time.time() - seconds_ago
    heartbeat.touch()
    os.utime(heartbeat, (then, then))
    assert health.beats(heartbeat) is well


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False), (404, False)])
def test_a_server_is_healthy_when_it_reports_so(status, well, monkeypatch):
    monkeypatch.setenv("VIDEODROP_API_TOKEN", " a-token-of-16-characters\n")
    asked = {"Authorization": "Bearer a-token-of-16-characters"}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            right = self.path == "/health" and asked.items() <= dict(self.headers).items()
            self.send_response(status if right else 500)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert health.answers(server.server_port) is well
        thread.join()


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n"])
def test_a_server_that_says_nothing_or_nonsense_is_not_healthy(monkeypatch, said):
    monkeypatch.setattr(health, "_TIMEOUT_S", 0.05)
    waited = []

    def serve():
        connection, _ = server.accept()
        with connection:
            connection.settimeout(20)
            connection.recv(1000)
            connection.sendall(said)
            waited.append(said or connection.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        assert not health.answers(server.getsockname()[1])
        thread.join()
    assert waited == [said], "it was not waited for any longer"


def test_a_missing_server_is_not_healthy():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not health.answers(port)


def test_a_worker_without_a_file_is_not_healthy(tmp_path):
    assert not health.beats(tmp_path / "heartbeat")


def test_a_check_ends_before_docker_ends_it():
    file = Path(__file__).parents[3] / "containers" / "Dockerfile"
    (limit,) = re.findall(r"^HEALTHCHECK .* --timeout=(\d+)s", file.read_text(), re.MULTILINE)
    assert int(limit) > health._TIMEOUT_S
