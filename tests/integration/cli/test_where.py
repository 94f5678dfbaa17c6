"""The choice of the pipeline that a command uses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.hosts import stack_file as client
from pipeline.hosts.stack_file import NotRunning, StackFile, announced, connect


@pytest.fixture
def word(tmp_path):
    """The file of a stack that this process runs."""
    stack = StackFile(
        pid=os.getpid(),
        endpoint="http://127.0.0.1:1",
        api_url="http://127.0.0.1:2",
        environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "VIDEODROP_NAME": "of-the-stack"},
    )
    stack.write(tmp_path)
    return stack


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_the_running_stack_is_used(word, tmp_path):
    assert connect(tmp_path) == word
    assert os.environ["VIDEODROP_NAME"] == "of-the-stack"


def test_an_endpoint_that_is_named_comes_first(word, tmp_path):
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    assert connect(tmp_path) is None
    os.environ["AWS_ENDPOINT_URL"] = word.endpoint
    assert connect(tmp_path) == word
    assert "VIDEODROP_NAME" not in os.environ


def test_an_account_is_reached_only_when_asked_for(word, tmp_path):
    os.environ["VIDEODROP_CLOUD"] = "aws"
    assert connect(tmp_path) is None
    os.environ["VIDEODROP_CLOUD"] = "yes"
    assert connect(tmp_path) == word


@pytest.mark.parametrize(
    "state",
    [
        *("nothing", "half a file", "a file that others may read", "a file of another user"),
        "a process that is gone",
    ],
)
def test_without_a_running_stack_credentials_alone_reach_nothing(
    word, tmp_path, monkeypatch, state
):
    def denied(*_):
        raise PermissionError

    path = StackFile.path(tmp_path)
    match state:
        case "nothing":
            path.unlink()
        case "half a file":
            path.write_text(path.read_text()[:20])
        case "a file that others may read":
            path.chmod(0o644)
        case "a file of another user":
            monkeypatch.setattr(Path, "open", denied)
        case _:
            with subprocess.Popen(["true"]) as process:
                pass
            word.model_copy(update={"pid": process.pid}).write(tmp_path)
    with pytest.raises(NotRunning, match="videodrop up"):
        connect(tmp_path)


def test_a_stack_of_another_user_counts(word, tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError

    monkeypatch.setattr(client.os, "kill", denied)
    assert connect(tmp_path) == word


def test_a_pipeline_that_does_not_answer_ends_with_4(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path))
    ended = cli("ls", "--json")
    assert (ended.code, ended.error["code"]) == (4, "aws_unreachable")


def test_nothing_running_ends_with_4_and_says_what_to_do(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path))
    for command in (["ls"], ["show", "x"], ["transcript", "x"], ["objects", "x"], ["add", "x"]):
        ended = cli(*command)
        assert (ended.code, ended.out) == (4, "")
        assert "make up" in ended.err


def test_the_module_is_the_command_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "ls", "--json"],
        env={**os.environ, "VIDEODROP_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert '"not_running"' in done.stderr


# -- from any folder -------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Be in another folder than the stack's, with a user-wide folder of this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("VIDEODROP_HOME", raising=False)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Path(".videodrop")


def test_a_running_stack_is_found_from_any_folder(word, tmp_path, elsewhere):
    with announced(word, tmp_path):
        assert connect(elsewhere) == word
    assert StackFile.running(elsewhere) is None
    assert not client.pointer().exists()


def test_the_stack_of_this_folder_comes_first(word, tmp_path, elsewhere):
    ours = word.model_copy(update={"api_url": "http://127.0.0.1:3"})
    elsewhere.mkdir()
    ours.write(elsewhere)
    with announced(word, tmp_path):
        assert connect(elsewhere) == ours


def test_a_home_that_is_named_is_the_only_one(word, tmp_path, elsewhere):
    os.environ["VIDEODROP_HOME"] = str(elsewhere)
    with announced(word, tmp_path), pytest.raises(NotRunning):
        connect(elsewhere)


@pytest.mark.parametrize("state", ["killed", "others may read it", "nonsense"])
def test_the_file_of_a_stack_that_is_gone_is_ignored(word, tmp_path, elsewhere, state):
    with announced(word, tmp_path):
        match state:
            case "killed":
                with subprocess.Popen(["true"]) as process:
                    pass
                word.model_copy(update={"pid": process.pid}).write(tmp_path)
            case "others may read it":
                client.pointer().chmod(0o644)
            case _:
                client.pointer().write_text("\0")
        with pytest.raises(NotRunning):
            connect(elsewhere)


def test_the_last_stack_is_still_found_when_an_earlier_one_ends(word, tmp_path, elsewhere):
    other = tmp_path / "other"
    other.mkdir()
    first, last = announced(word, tmp_path), announced(word, other)
    with first:
        last.__enter__()
    assert connect(elsewhere) == word
    last.__exit__(None, None, None)
    assert not client.pointer().exists()


def test_a_stack_runs_where_no_file_can_be_written_for_other_folders(word, tmp_path, elsewhere):
    (tmp_path / "state").touch()  # in place of the folder
    with announced(word, tmp_path):
        assert connect(tmp_path) == word
        assert StackFile.running(elsewhere) is None
        StackFile.path(tmp_path).unlink()  # somebody tidies up
    assert StackFile.read(tmp_path) is None
