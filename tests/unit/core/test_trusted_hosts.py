"""Foreign names that resolve to this machine are rejected."""

import pytest

from pipeline.core.trusted_hosts import is_trusted


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:4599", "localhost", "LOCALHOST:80", "[::1]:8080", "b.localhost:1"],
)
def test_names_of_loopback_are_trusted(host):
    assert is_trusted(host, (), loopback_only=True)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:4599",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example/127.0.0.1",
        "127.0.0.1, evil.example",
        "127.0.0.1:x",
        "evil.example@127.0.0.1",
        "127.0.0.1/evil.example",
        "127.0.0.1?evil.example",
        "127.0.0.1#evil.example",
        "[::1",
        "2130706433",
    ],
)
@pytest.mark.parametrize("loopback_only", [True, False])
def test_other_names_are_not(host, loopback_only):
    assert not is_trusted(host, ("videos.lan",), loopback_only=loopback_only)


def test_addresses_beyond_loopback_are_trusted_where_the_server_listens_there():
    assert is_trusted("192.168.1.5:8080", ())
    assert not is_trusted("192.168.1.5:8080", (), loopback_only=True)


def test_names_that_were_given_are_trusted():
    assert is_trusted("Videos.lan:8080", ("videos.lan",))
