"""Stages on the command line: parameters, completion, and what a machine lacks."""

import json
import sys
import tomllib
from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.cli import arguments, doctor, main, stages
from pipeline.core import setting_names
from pipeline.core.errors import InvalidSettings
from pipeline.core.settings import Settings
from pipeline.stages import loading


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run the command line; return the exit code and both outputs."""

    def run(*args):
        bootstrap.settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["videodrop", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code or 0, *capsys.readouterr())

    yield run
    bootstrap.settings.cache_clear()


def test_the_parameters_of_a_stage_are_listed_with_this_installations_values(cli, monkeypatch):
    monkeypatch.setenv("VIDEODROP_PARAMS__DETECT__CONFIDENCE", "0.4")
    code, out, _ = cli("params", "detect")
    assert code == 0
    assert "0.4 (default 0.25)" in out
    found = json.loads(cli("params", "detect", "--json")[1])["parameters"]
    assert {one["name"] for one in found} >= {"model", "confidence", "iou"}


def test_the_parameters_of_an_unknown_stage_are_a_wrong_usage(cli):
    code, _, err = cli("params", "dtect")
    assert (code, "transcode" in err) == (2, True)


@pytest.mark.parametrize("command", [[], ["show"], ["replays"], ["models", "fetch"]])
def test_h_is_help(cli, command):
    code, out, _ = cli(*command, "-h")
    assert (code, "Usage" in out) == (0, True)


def test_stages_are_completed():
    assert stages.names("trans") == ["transcode", "transcribe"]


def test_videos_are_not_completed_where_nothing_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEODROP_HOME", str(tmp_path))
    bootstrap.settings.cache_clear()
    assert arguments._videos("a") == []


# -- what a machine lacks --------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch):
    """A machine without the packages of speech."""
    missing = {"ctranslate2", "tiktoken"}
    monkeypatch.setattr(
        "pipeline.core.stage.find_spec", lambda name: None if name in missing else object()
    )


@pytest.mark.parametrize("stage", Settings().topology.stages)
def test_a_stage_names_extras_that_exist(stage):
    module = loading.module(stage, Settings())
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert set(module.PACKAGES.values()) <= project["optional-dependencies"].keys()
    assert stages.lacking(module) == {}


@pytest.mark.usefixtures("bare")
def test_a_stage_whose_packages_are_missing_is_named_with_both_remedies():
    (said,) = stages.left_out(Settings())
    assert "transcribe cannot run on this machine, for it lacks ctranslate2, tiktoken" in said
    assert "pip install 'videodrop[transcribe]'" in said
    assert "VIDEODROP_STAGES=transcode,thumbnail,detect" in said
    (one,) = [found for found in doctor.examine(Settings()) if found.what == "stage transcribe"]
    assert (one.verdict, "ctranslate2" in one.detail) == ("missing", True)


@pytest.mark.usefixtures("bare")
def test_a_stage_that_is_left_out_is_not_missed(monkeypatch):
    monkeypatch.setenv("VIDEODROP_STAGES", "detect, transcode")
    settings = Settings()
    assert list(settings.topology.stages) == ["transcode", "detect"]
    assert list(stages.left_out(settings)) == []


@pytest.mark.parametrize("given", ["transcode,sing", "", "[]"])
def test_stages_that_there_are_not_are_rejected(given, monkeypatch):
    monkeypatch.setenv("VIDEODROP_STAGES", given)
    with pytest.raises(InvalidSettings, match="transcode, thumbnail, transcribe, detect"):
        _ = Settings().topology


# -- mistyped settings -----------------------------------------------------------------------------


def test_a_mistyped_setting_is_reported_with_the_nearest_name(cli, monkeypatch):
    monkeypatch.setenv("VIDEODROP_DEVICES", "cpu")
    _, out, err = cli("params", "detect")
    assert "VIDEODROP_DEVICES is not a setting" in err
    assert "Did you mean VIDEODROP_DEVICE?" in err
    assert "DEVICES" not in out
    assert cli("params", "detect", "--json")[2] == ""


def test_settings_are_not_reported():
    given = [*setting_names.known(), "VIDEODROP_CLOUD", "VIDEODROP_PARAMS__DETECT__IOU", "PATH"]
    assert list(setting_names.mistyped(given)) == []
    assert "VIDEODROP_TOPOLOGY" in setting_names.known()
    assert list(setting_names.mistyped(["VIDEODROP_MOOD"])) == [
        "VIDEODROP_MOOD is not a setting, so it has no effect."
    ]
