"""The health check of a container."""

import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

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


def test_a_missing_server_is_not_healthy():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not health.answers(port)


def test_a_worker_without_a_file_is_not_healthy(tmp_path):
    assert not health.beats(tmp_path / "heartbeat")
