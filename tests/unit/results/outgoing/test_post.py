"""Webhooks go over TLS to the host that the address names; an odd answer is an error of theirs."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.results.outgoing.post import post


def certificate(path: Path, of: x509.GeneralName) -> Path:
    """Write a certificate that signs itself, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([of]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.public_bytes(pem))
    return path


@contextmanager
def receiver(file: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request over TLS; yields the address, and what was received."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    received: list[bytes] = []

    def answer() -> None:
        client, _ = server.accept()
        with client, suppress(OSError), context.wrap_socket(client, server_side=True) as link:
            received.append(link.recv(1 << 16))
            while not received[-1].endswith(b"{}"):
                received[-1] += link.recv(1 << 16)
            link.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}/", received
        thread.join()


OURS = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ANOTHER = x509.DNSName("another.example")


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return a function that has this host trust a certificate."""
    usual = ssl.create_default_context

    def trusted(file: Path) -> None:
        monkeypatch.setattr(ssl, "create_default_context", lambda: usual(cafile=str(file)))

    return trusted


def test_a_host_with_a_trusted_certificate_of_its_name_gets_the_webhook(
    tmp_path: Path, trust: Callable[[Path], None]
):
    trust(file := certificate(tmp_path / "pem", OURS))
    with receiver(file) as (url, received):
        answer = post(url, b"{}", {}, private=True)
    assert (answer.status, answer.error, len(received)) == (204, None, 1)


@pytest.mark.parametrize(
    ("name", "trusted", "said"),
    [(OURS, False, "self-signed certificate"), (ANOTHER, True, "certificate is not valid for")],
)
def test_a_host_that_is_not_shown_to_be_the_one_gets_nothing(
    tmp_path: Path,
    trust: Callable[[Path], None],
    name: x509.GeneralName,
    trusted: bool,  # noqa: FBT001 - a parameter of the test
    said: str,
):
    file = certificate(tmp_path / "pem", name)
    if trusted:
        trust(file)
    with receiver(file) as (url, received):
        answer = post(url, b"{}", {}, private=True)
    assert answer.error
    assert said in answer.error
    assert (answer.status, received) == (None, [])


def test_an_answer_that_is_not_http_is_an_error_in_few_words():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1 << 16)
                client.sendall(b"?" * 5000 + b"\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        found = post(url, b"{}", {}, private=True)
        thread.join()
    assert found.status is None
    assert found.error
    assert len(found.error) <= 200


def test_a_name_that_cannot_be_looked_up_is_an_error():
    found = post(f"https://{'a' * 64}.example/", b"{}", {}, private=False)
    assert (found.status, bool(found.error)) == (None, True)


def test_connecting_has_a_limit_too(monkeypatch: pytest.MonkeyPatch):
    """No request is there yet that a timer could end."""

    def connect(_address: tuple[str, int], timeout: float) -> socket.socket:
        assert timeout == 7
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    assert post("http://127.0.0.1:9/", b"{}", {}, private=True, timeout_s=7).error


def test_the_timer_of_a_request_ends_with_it(monkeypatch: pytest.MonkeyPatch):
    timer = Mock()
    monkeypatch.setattr(threading, "Timer", lambda *_: timer)
    monkeypatch.setattr(socket, "create_connection", Mock(side_effect=ConnectionRefusedError))
    assert post("http://127.0.0.1:9/", b"{}", {}, private=True).error
    assert [call[0] for call in timer.method_calls] == ["start", "cancel"]
