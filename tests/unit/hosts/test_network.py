"""The addresses that the start screen names, and the token that they carry."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from pipeline.core.errors import MissingDependency
from pipeline.hosts.local import network
from pipeline.hosts.stack_file import StackFile


@pytest.mark.parametrize(
    ("host", "beyond"),
    [
        ("127.0.0.1", False),
        ("127.0.0.2", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),  # noqa: S104 - not bound
        ("192.168.1.7", True),
        ("videos.lan", True),
    ],
)
def test_who_listens_beyond_loopback_is_known(host, beyond):
    assert network.is_beyond_loopback(host) is beyond


def test_the_addresses_of_interfaces_that_are_up_are_named(monkeypatch):
    def on(address, family=socket.AF_INET):
        return SimpleNamespace(family=family, address=address)

    found = {
        "lo": [on("127.0.0.1")],
        "eth0": [on("192.168.1.7"), on("fe80::1", socket.AF_INET6)],
        "wlan0": [on("10.0.0.3")],
        "off": [on("10.9.9.9")],
    }
    stats = {name: SimpleNamespace(isup=name != "off") for name in found}
    monkeypatch.setattr("psutil.net_if_addrs", lambda: found)
    monkeypatch.setattr("psutil.net_if_stats", lambda: stats)
    assert network.addresses(network.ANY) == ["192.168.1.7", "10.0.0.3"]
    assert network.addresses("10.0.0.3") == ["10.0.0.3"]
    assert network.addresses("127.0.0.1") == []


def test_a_token_outlives_a_restart_unless_others_could_read_it(tmp_path):
    path = tmp_path / "api.token"
    first = network.token(path)
    assert len(first) == 32
    assert network.token(path) == first
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(0o640)
    assert network.token(path) != first
    assert path.stat().st_mode & 0o077 == 0


def test_a_port_in_use_is_replaced_and_a_foreign_address_reported():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with network.listener("127.0.0.1", port) as other:
            assert other.getsockname()[1] != port
    with network.listener("127.0.0.1", port) as own:
        assert own.getsockname()[1] == port
    with pytest.raises(MissingDependency, match="Cannot listen on"):
        network.listener("192.0.2.1", 0)


def test_a_socket_that_nobody_serves_yet_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not network.answers("127.0.0.1", port, 0.05)
    assert not network.answers("127.0.0.1", port, 0.05)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        assert network.answers("127.0.0.1", server.server_port, 30), "an error is an answer, too"
        thread.join(30)


def test_links_to_the_page_carry_the_token():
    stack = StackFile(pid=1, endpoint="", api_url="http://127.0.0.1:8080")
    assert stack.page() == "http://127.0.0.1:8080/"
    assert stack.page("/videos/a") == "http://127.0.0.1:8080/#/videos/a"
    stack.token = "a/b+c"  # noqa: S105 - opens nothing
    assert stack.page() == "http://127.0.0.1:8080/#token=a%2Fb%2Bc"
    assert stack.page("/videos/a").endswith("/#token=a%2Fb%2Bc/videos/a")
    assert stack.page(at="http://10.0.0.3:8080").startswith("http://10.0.0.3:8080/#token=")
