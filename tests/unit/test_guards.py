"""The guards of ``tests/conftest.py`` do guard."""

import os
import socket

import pytest


@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
@pytest.mark.parametrize("host", ["192.0.2.1", "example.com"])
def test_no_test_reaches_another_machine(loopback_only: list, connect: str, host: str):
    with socket.socket() as outward, pytest.raises(ConnectionRefusedError):
        getattr(outward, connect)((host, 80))
    assert loopback_only == [(host, 80)]
    loopback_only.clear()  # expected here; anywhere else it fails the test


def test_no_test_looks_up_another_machine(loopback_only: list):
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("sqs.us-east-1.amazonaws.com", 443)
    assert loopback_only == ["sqs.us-east-1.amazonaws.com"]
    loopback_only.clear()


def test_loopback_is_open():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        pass


def test_no_setting_of_this_machine_reaches_a_test():
    own = {name for name in os.environ if name.startswith(("AWS_", "VIDEODROP_"))}
    ours = {name for name in own if name.startswith("VIDEODROP_")}
    assert ours <= {"VIDEODROP_FETCH", "VIDEODROP_MODEL_DIR"}
    assert os.environ["VIDEODROP_FETCH"] == "false"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"
    assert not any("ENDPOINT" in name for name in own)
    assert not any(name.lower() in {"http_proxy", "https_proxy"} for name in os.environ)
