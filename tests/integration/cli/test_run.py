"""One stage on a local file without AWS, and the doctor's findings."""

import sys

import pytest

from pipeline.cli import doctor
from pipeline.core.errors import MissingDependency
from tests.conftest import forget_process_state, topology_with

KINDS = """
from typing import Literal
from pydantic import BaseModel, ConfigDict, Field
from pipeline.core.stage import Result
VERSION = "1"
class Params(BaseModel):
    model_config = ConfigDict(frozen=True)
    text: str = ""
    whole: int = 0
    share: float = 0.0
    on: bool = False
    sizes: list[int] = []
    names: tuple[str, ...] | None = None
    mode: Literal["fast", "good"] = "good"
def run(source, params, work, report):
    report(0.5)
    return Result(artifacts=[], summary=params.model_dump(mode="json"))
"""


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch, tmp_path):
    """Unset even the region, so that any use of AWS fails."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / "kinds_stage.py").write_text(KINDS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path / "home"))
    stages = {
        "toy": "tests.fakes.toystage",
        "kinds": "kinds_stage",
        "far": "there_is_no_such_module",
    }
    topology = topology_with(stages, tmp_path / "topology.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(topology))
    forget_process_state()
    yield
    forget_process_state()
    sys.modules.pop("kinds_stage", None)


def test_a_stage_runs_alone_and_says_what_it_wrote(cli, clip, tmp_path):
    out = tmp_path / "[out]" / "deep"
    ended = cli("run", "toy", clip, "--out", out, "--param", "text=[a]", "--param", "repeat=2")
    assert ended.code == 0, ended.err
    assert (out / "toy.txt").read_text() == "[a][a]"
    assert str(out / "toy.txt") in ended.out
    assert f"1 files in {out}" in ended.out
    result = cli("run", "toy", clip, "--out", out, "--json")
    assert (result.json["artifacts"][0]["role"], result.err) == ("toy_text", "")


def test_parameters_of_every_kind_can_be_given(cli, clip, tmp_path):
    given = {
        "text": "a=b, [c]",
        "whole": "7",
        "share": "0.25",
        "on": "true",
        "sizes": "[720, 360]",
        "names": '["x", "y"]',
        "mode": "fast",
    }
    params = [word for name, text in given.items() for word in ("--param", f"{name}={text}")]
    ended = cli("run", "kinds", clip, "--out", tmp_path / "out", *params, "--json")
    assert ended.json["summary"] == {
        "text": "a=b, [c]",
        "whole": 7,
        "share": 0.25,
        "on": True,
        "sizes": [720, 360],
        "names": ["x", "y"],
        "mode": "fast",
    }


@pytest.mark.parametrize(
    ("param", "said"),
    [
        ("whole=half", "whole: Input should be a valid integer"),
        ("sizes=720", "sizes: Input should be a valid list"),
        ("mode=slow", "mode: Input should be 'fast' or 'good'"),
        ("what=1", "It has: mode, names, on, share, sizes, text, whole."),
        ("whole", "give NAME=VALUE"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_it_may_be(cli, clip, tmp_path, param, said):
    ended = cli("run", "kinds", clip, "--out", tmp_path / "out", "--param", param)
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_a_video_ends_with_1_and_a_sentence(cli, tmp_path):
    page = tmp_path / "page.mp4"
    page.write_text("<html>no video</html>")
    ended = cli("run", "toy", page, "--out", tmp_path / "out")
    assert (ended.code, ended.out) == (1, "")
    assert "not a video or audio file" in ended.err
    ended = cli("run", "toy", page, "--out", tmp_path / "out", "--json")
    assert ended.error["class"] == "bad_input"


def test_a_wrong_call_ends_with_2(cli, clip, tmp_path):
    (tmp_path / "taken").write_text("a file")
    for stage, file, out in (
        ("nosuch", clip, tmp_path / "out"),
        ("toy", tmp_path / "none.mp4", tmp_path / "out"),
        ("toy", tmp_path, tmp_path / "out"),
        ("toy", clip, tmp_path / "taken"),
    ):
        assert cli("run", stage, file, "--out", out).code == 2


def test_a_run_that_takes_too_long_ends_with_5(cli, clip, tmp_path):
    ended = cli("run", "toy", clip, "--out", tmp_path / "out", "--timeout", "0", "--json")
    assert (ended.code, ended.error["class"]) == (5, "timeout")


def test_a_stage_whose_package_is_missing_ends_with_6(cli, clip, tmp_path):
    ended = cli("run", "far", clip, "--out", tmp_path / "out")
    assert ended.code == 6
    assert "there_is_no_such_module is not installed" in ended.err


# -- doctor --------------------------------------------------------------------------------------


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Set a PATH with only what ``tools(name, script)`` adds."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name, script="echo version 1"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return add


def findings(cli):
    ended = cli("doctor", "--json")
    return ended.code, {one["what"]: one for one in ended.json["findings"]}


@pytest.mark.usefixtures("tools")
def test_the_doctor_says_what_is_missing_and_how_to_get_it(cli):
    code, found = findings(cli)
    assert code == 6
    assert found["ffmpeg"]["verdict"] == "missing"
    assert "apt-get install ffmpeg" in found["ffmpeg"]["fix"]
    assert found["espeak-ng"]["verdict"] == found["gpu"]["verdict"] == "optional"
    assert found["stage far"]["verdict"] == "missing"
    assert "pip install" in found["stage far"]["fix"]
    assert found["stage toy"]["verdict"] == "ok"
    text = cli("doctor")
    assert text.code == 6
    assert "sudo apt-get install ffmpeg" in text.out


def test_a_machine_with_all_it_needs_is_well(cli, tools, monkeypatch, tmp_path):
    topology = topology_with({"toy": "tests.fakes.toystage"}, tmp_path / "only.json", only=True)
    monkeypatch.setenv("VIDEODROP_TOPOLOGY", str(topology))
    for name in ("ffmpeg", "ffprobe"):
        tools(name)
    tools("nvidia-smi", "echo 'A GPU, 8 GiB'")
    code, found = findings(cli)
    assert code == 0
    assert found["ffmpeg"] == {"what": "ffmpeg", "verdict": "ok", "detail": "version 1", "fix": ""}
    assert found["gpu"]["detail"] == "A GPU, 8 GiB"
    assert found["python"]["verdict"] == "ok"


def test_a_tool_that_hangs_or_does_not_start_stops_no_examination(
    cli, tools, monkeypatch, tmp_path
):
    tools("ffmpeg", "exec /bin/sleep 60")
    tools("nvidia-smi")
    (tmp_path / "bin" / "nvidia-smi").write_bytes(b"\x7fELF, but not for this machine")
    monkeypatch.setattr(doctor, "_PATIENCE_S", 0.2)
    _, found = findings(cli)
    assert found["ffmpeg"]["verdict"] == "ok"
    assert found["gpu"]["verdict"] == "optional"


def test_a_package_a_disk_or_a_model_that_is_missing_is_told(cli, monkeypatch):
    def no_model(*_):
        raise MissingDependency("model_missing", "Get it [there].")

    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1 << 30}))
    monkeypatch.setattr("tests.fakes.toystage.identity", no_model, raising=False)
    code, found = findings(cli)
    assert code == 6
    assert found["ctranslate2"]["verdict"] == "optional"
    assert "videodrop[transcribe]" in found["ctranslate2"]["fix"]
    assert "only 1.0 GiB" in found["disk"]["detail"]
    assert found["stage toy"]["fix"] == "Get it [there]."


# -- worker --------------------------------------------------------------------------------------


def test_a_worker_asked_for_a_stage_there_is_not_ends_with_2(cli):
    ended = cli("worker", "--stage", "nosuch")
    assert ended.code == 2
    assert (
        "There is no nosuch to host; choose from toy, kinds, far, janitor, replays, events."
        in ended.err
    )
