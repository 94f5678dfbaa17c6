"""Exit codes, messages and JSON of every way to end."""

import json
import runpy
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoRegionError

import pipeline
from pipeline import bootstrap
from pipeline.cli import commands, exits, main
from pipeline.core.errors import (
    BadInput,
    Bug,
    Gone,
    Interrupted,
    InvalidArgument,
    InvalidSettings,
    LimitExceeded,
    MissingDependency,
    NotFound,
    NothingEarlier,
    TimedOut,
)
from pipeline.hosts.stack_file import NotRunning

WAYS = [
    (BadInput("not_media", "No video [b]."), 1),
    (LimitExceeded("too_long", "Too long."), 1),
    (Bug("oops", "Ours."), 1),
    (ClientError({"Error": {"Code": "AccessDenied"}}, "GetItem"), 1),
    (InvalidArgument("bad_option", "No."), 2),
    (InvalidArgument("not_a_file", "No."), 2),
    (InvalidArgument("unknown_stage", "No."), 2),
    (InvalidSettings("bad_settings", "No."), 2),
    (NotFound("unknown_video", "No."), 3),
    (Gone("video_deleted", "No."), 3),
    (NothingEarlier("no_earlier_version", "No."), 3),
    (NotRunning("not_running", "No."), 4),
    (EndpointConnectionError(endpoint_url="http://x"), 4),
    (NoRegionError(), 4),
    (TimedOut("deadline", "No."), 5),
    (Interrupted("interrupted", "No."), 130),
    (MissingDependency("model_missing", "No."), 6),
    (ModuleNotFoundError("no", name="ultralytics"), 6),
]


@pytest.fixture
def end(monkeypatch, capsys):
    """Run ``main`` with a command that ends as given; return exit code and standard error."""

    def run(how, *args):
        def app(**_):
            if isinstance(how, BaseException):
                raise how
            return how

        monkeypatch.setattr(commands, "app", app)
        monkeypatch.setattr(sys, "argv", ["videodrop", "ls", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(("how", "code"), WAYS, ids=lambda one: str(one)[:40])
def test_every_failure_is_a_sentence_and_an_exit_code(end, how, code):
    ended, said = end(how)
    assert ended == code
    assert "Traceback" not in said
    assert getattr(how, "message", "") in said
    assert said.endswith("\n")


@pytest.mark.parametrize(("how", "code"), WAYS, ids=lambda one: str(one)[:40])
def test_with_json_an_error_is_one_line_of_json(end, how, code):
    ended, said = end(how, "--json")
    assert ended == code
    assert said.count("\n") == 1
    error = json.loads(said)["error"]
    assert set(error) == {"class", "code", "message"}
    assert error["message"]


def test_a_missing_package_is_named(end):
    assert "ultralytics" in end(ModuleNotFoundError("no", name="ultralytics"))[1]


def test_a_message_keeps_its_lines_and_loses_what_a_terminal_acts_upon(end):
    _, said = end(BadInput("bad", "The end of the log:\n    \x1b[31mred"))
    assert "log:\n    �[31mred" in said


def test_our_own_bugs_keep_their_traceback(monkeypatch):
    def app(**_):
        raise ZeroDivisionError

    monkeypatch.setattr(commands, "app", app)
    with pytest.raises(ZeroDivisionError):
        main()


@pytest.mark.parametrize("args", [["show"], ["ls", "--limit", "0"], ["nosuch"], ["ls", "--what"]])
@pytest.mark.parametrize("json_too", [True, False])
def test_wrong_usage_ends_with_2(monkeypatch, capsys, args, json_too):
    monkeypatch.setattr(sys, "argv", ["videodrop", *args, *["--json"] * json_too])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    if json_too:
        assert json.loads(captured.err)["error"]["code"] == "bad_usage"


@pytest.mark.parametrize("json_too", [True, False])
def test_ctrl_c_ends_without_a_traceback(monkeypatch, capsys, json_too):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.cli.doctor.examine", interrupted)
    monkeypatch.setattr(sys, "argv", ["videodrop", "doctor", *["--json"] * json_too])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "Traceback" not in capsys.readouterr().err


def test_the_version_is_told(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["videodrop", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("pipeline.cli", run_name="__main__")
    assert not ended.value.code
    assert capsys.readouterr().out == f"videodrop {pipeline.__version__}\n"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VIDEODROP_LEASE_S", "abc", "lease_s: Input should be a valid integer"),
        ("VIDEODROP_PARAMS", "{x", "params"),
        ("VIDEODROP_TOPOLOGY", "/there/is/none.json", "/there/is/none.json"),
    ],
)
def test_wrong_settings_are_told_in_words(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    bootstrap.settings.cache_clear()
    with pytest.raises(InvalidSettings) as error:
        bootstrap.settings()
    bootstrap.settings.cache_clear()
    assert error.value.code == "bad_settings"
    assert said in error.value.message
    assert error.value.exit_code == exits.USAGE
