"""Addresses of webhooks: none leads to what only this host can reach."""

import socket
from ipaddress import ip_address

import pytest

from pipeline.core.errors import InvalidArgument
from pipeline.results.outgoing import target

INSIDE = [
    *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
    *("::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"),
    "4000::1",  # reserved
]
NEVER = [
    *("169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::"),  # noqa: S104
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"),
]
OUTSIDE = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_of_this_host_and_its_networks_need_a_setting(address):
    assert not target.is_allowed(ip_address(address), private=False)
    assert target.is_allowed(ip_address(address), private=True)


@pytest.mark.parametrize("address", NEVER)
def test_addresses_of_a_link_or_of_many_hosts_are_never_allowed(address):
    assert not target.is_allowed(ip_address(address), private=False)
    assert not target.is_allowed(ip_address(address), private=True)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are_allowed(address):
    assert target.is_allowed(ip_address(address), private=False)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com", "ftp://example.com", "example.com", "https://", "", "https:///x"),
        *("https://user@example.com", "https://:pw@example.com", "https://example.com/#part"),
        *("https://example.com:port", "https://exa mple.com", "https://example.com/\r\nX: 1"),
        *("https://münchen.example", "https://[::1", f"https://example.com/{'x' * 4000}"),
        *(f"https://{one}" for one in ("127.0.0.1", "[::1]", "169.254.169.254")),
    ],
)
def test_an_address_that_is_none_of_the_public_web_is_rejected(url):
    with pytest.raises(InvalidArgument) as caught:
        target.parse(url, private=False)
    assert caught.value.code == "bad_webhook_url"
    assert len(caught.value.message) < 2500


def test_an_address_keeps_its_port_path_and_query():
    found = target.parse("https://example.com:8443/a/b?c=d", private=False)
    assert (found.authority, found.path) == ("example.com:8443", "/a/b?c=d")
    assert target.parse("https://[2606:2800::1]", private=False).authority == "[2606:2800::1]"


def test_a_name_with_one_address_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch):
    found = [(0, 0, 0, "", (address, 443)) for address in (OUTSIDE[0], "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(OSError, match=r"10\.0\.0\.1 is not a public address"):
        target.resolve(target.parse("https://example.com", private=False), private=False)
