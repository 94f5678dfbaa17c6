"""The local stack: its parts, what they are told, and how they end."""

import json
import socket
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.core.errors import MissingDependency
from pipeline.core.settings import Settings
from pipeline.hosts.local import stack as module
from pipeline.hosts.local.part import Part, PartFailed
from pipeline.hosts.local.stack import Stack

ANY = "0.0.0.0"  # noqa: S104 - not bound


@pytest.fixture
def stack(tmp_path):
    """Return a stack of two parts, and the order in which they are stopped."""
    order = []
    (tmp_path / "log").touch()
    one = Stack(Settings(home=tmp_path), tell=order.append)
    for name in ("server", "api"):
        child = SimpleNamespace(
            returncode=None, stdout=None, stop=lambda _, name=name: order.append(name)
        )
        one._parts.append(Part(name, (), tmp_path / "log"))
        one._parts[-1].child = child
    return one, order


def test_the_server_ends_after_all_that_write_to_it(stack):
    one, order = stack
    one._end()
    assert order == ["api", "server"]


def test_an_api_that_does_not_answer_in_time_is_an_error(stack, monkeypatch):
    one, _ = stack
    monkeypatch.setattr(module, "_START_S", -1)
    monkeypatch.setattr(module.network, "answers", lambda *_: False)
    with pytest.raises(PartFailed, match="api does not stay up"):
        one._await_api(1)


def test_a_server_that_comes_back_elsewhere_is_an_error(stack, monkeypatch):
    one, order = stack
    server = one._parts[0]
    server.child.returncode = 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(server, "start", lambda: None)
    said = {"endpoint": "http://127.0.0.1:1", "message": None}
    monkeypatch.setattr(server, "announced", lambda _: said)
    one._restart_parts()
    assert "server ended unexpectedly" in order[-1]
    said["endpoint"] = "http://127.0.0.1:2"  # the clients of others have the first one
    with pytest.raises(PartFailed, match="server does not stay up"):
        one._restart_parts()


def test_an_inbox_begins_although_aws_cannot_say_what_it_lost(stack, monkeypatch):
    def lost(*_):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    one, _ = stack
    asked, ended = [], []
    parts = {"adder": None, "uploads": SimpleNamespace(lost=lost), "catalog": None}
    made = {name: lambda _, part=part: part for name, part in parts.items()}

    def inbox(*_, lost):
        asked.append(lost({"videos/a.mp4"}))
        return SimpleNamespace(folder=None)

    monkeypatch.setattr(module, "bootstrap", SimpleNamespace(**made))
    monkeypatch.setattr(module, "Inbox", inbox)
    monkeypatch.setattr(module, "InboxThread", lambda *_: SimpleNamespace(end=ended.append))
    with ExitStack() as leaving:
        one._watch_inbox(leaving)
    assert asked == [set()]
    assert len(ended) == 1, "its thread ends with the stack"


@pytest.mark.parametrize(("host", "needs_one"), [("127.0.0.1", False), (ANY, True)])
def test_who_listens_beyond_loopback_has_a_token(tmp_path, host, needs_one):
    given = Settings(home=tmp_path, api_token="a-token-of-16-characters")  # noqa: S106 - a test's own
    assert Stack(given, host=host)._token() == "a-token-of-16-characters"
    assert (Stack(Settings(home=tmp_path), host=host)._token() is not None) is needs_one


def test_the_api_answers_at_names_of_this_machine_and_those_of_the_settings(tmp_path, monkeypatch):
    settings = Settings(
        home=tmp_path, hosts={"videos.lan"}, public_origins={"https://videos.example"}
    )
    one = Stack(settings, host="192.168.1.7")
    started = []
    monkeypatch.setattr(one, "_add", lambda *given, **more: started.append((given, more)))
    listener = SimpleNamespace(fileno=lambda: 7)
    one._add_api(listener, "the token")
    (given, more) = started[0]
    machine = socket.gethostname().lower()
    names = {machine, f"{machine}.local", "192.168.1.7", "videos.lan", "videos.example"}
    assert set(json.loads(more["environment"]["VIDEODROP_HOSTS"])) == names
    assert more["environment"]["VIDEODROP_RELAY"] == "true"
    assert more["environment"]["VIDEODROP_API_TOKEN"] == "the token"  # noqa: S105 - a test's own
    assert "the token" not in given, "every user of this machine can read arguments"
    assert more["pass_fds"] == [7]
    one._add_api(listener, None)
    assert "VIDEODROP_API_TOKEN" not in started[1][1]["environment"]


@pytest.mark.parametrize(
    ("line", "error"), [({"error": "The state is of moto 4."}, MissingDependency), ({}, PartFailed)]
)
def test_a_server_that_does_not_start_is_an_error(stack, monkeypatch, line, error):
    one, _ = stack
    server = one._parts[0]
    monkeypatch.setattr(server, "announced", lambda _: line)
    with pytest.raises(error):
        one._endpoint(server)
