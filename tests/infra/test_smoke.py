"""``infra/smoke.sh``, with stubs of the commands that it calls."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.infra.conftest import ROOT

ACCOUNT, TOKEN, SECRET = "123456789012", "eyJhbGciOi.eyJzdWIi.c2ln", "the-clients-secret"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/videodrop/lambda@sha256:" + "0" * 64

# Its state is the list of its resources.
_TERRAFORM = """
[ -z "${TF_CLI_ARGS:-}${TF_WORKSPACE:-}" ]
state=.smoke/terraform.tfstate
case "$2" in
  apply) echo module.videodrop.aws_dynamodb_table.catalog >$state ;;
  destroy) [ ! -e "$HOME/destroy-fails" ] && : >$state ;;
  state) cat $state ;;
  output)
    case "$4" in
      api) echo '"https://api"' ;;
      sign_in) echo '{"pool": "p", "address": "https://sign-in"}' ;;
      environment) echo "{\\"VIDEODROP_NAME\\": $(jq .name .smoke/inputs)}" ;;
    esac ;;
esac
[ "$1" != version ] || echo '{"terraform_version": "1.11.4"}'
"""
_AWS = f"""
case "$1" in
  sts) [ ! -e "$HOME/other" ] || {{ echo 210987654321; exit; }}; echo {ACCOUNT} ;;
  cognito-idp) printf 'client\\t{SECRET}\\n' ;;
  *) echo 0 ;;
esac
"""
_CURL = f"""
case "$*" in
  */oauth2/token) cat >/dev/null; echo '{{"access_token": "{TOKEN}"}}' ;;
  *http_code*) printf 401 ;;
  *content_type*) printf image/jpeg ;;
  */playlists/*) echo '#EXTM3U' ;;
  */videos) echo '{{"videos": []}}' ;;
  *) jq -n '{{status: "ready", poster: "https://s3/p", links: {{playlist: "/playlists/p"}}}}' ;;
esac
"""
_VIDEODROP = f"""
case "$1" in
  worker)
    trap 'touch "$HOME/stopped"; exit' TERM
    touch "$HOME/working"
    for _ in {{1..300}}; do sleep 0.1; done ;;
  add)
    until [ -z "${{AWS_ENDPOINT_URL:-}}" ] || [ -e "$HOME/working" ]; do sleep 0.05; done
    [ ! -e "$HOME/hangs" ] || {{ touch "$HOME/hanging"; exec sleep 60; }}
    echo "$VIDEODROP_NAME" >"$HOME/current"
    echo '{{"videos": [{{"video_id": "v"}}]}}' ;;
  show)
    [ ! -e "$HOME/fails" ] || {{ echo "arn:aws:sns::{ACCOUNT}:t Bearer {TOKEN}"; exit 1; }}
    echo '{{"status": "ready", "stages": [{{"state": "succeeded"}}]}}' ;;
  versions) jq -R '{{versions: [{{current: true, fingerprint: .}}]}}' "$HOME/current" ;;
  replay)
    cp "$HOME/current" "$HOME/first"
    echo other >"$HOME/current"
    echo '{{"state": "finished"}}' ;;
  rollback) cp "$HOME/first" "$HOME/current" ;;
  redrive) echo '{{"rows": []}}' ;;
  --version) echo videodrop 0.1.0 ;;
esac
"""
_COMMANDS = {
    "terraform": _TERRAFORM,
    "aws": _AWS,
    "curl": _CURL,
    "videodrop": _VIDEODROP,
    "zip": 'touch "$2"',
}


class Smoke:
    """The script in a checkout of its own, with another installation's environment."""

    def __init__(self, home: Path) -> None:
        self.home, self.checkout = home, home / "checkout"
        infra = self.checkout / "infra"
        infra.mkdir(parents=True)
        for name in ("smoke.sh", "versions.tf"):
            shutil.copy(ROOT / "infra" / name, infra)
        (infra / "terraform.tfstate").write_text("of another installation")
        self._command(infra / "functions.sh", "touch $BUILD/functions.zip")
        for name, text in _COMMANDS.items():
            self._command(home / name, f'echo "{name} $*" >>"$HOME/calls"\n{text}')

    @staticmethod
    def _command(path: Path, text: str) -> None:
        path.write_text(f"#!/usr/bin/env bash\nset -eu\n{text}\n")
        path.chmod(0o755)

    def start(self, *options: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.checkout / "infra" / "smoke.sh", *options],
            env={
                "HOME": str(self.home),
                "PATH": f"{self.home}:{os.environ['PATH']}",
                "WAIT_S": "0",
                "SETTLE_S": "0",
                "VIDEODROP_NAME": "theirs",
                "TF_CLI_ARGS": "-state=theirs",
                "TF_WORKSPACE": "theirs",
                "AWS_REGION": "eu-central-1",
            }
            | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, status: int, **environment: str) -> str:
        """Return the output of a run that exits with ``status``."""
        with self.start(*options, **environment) as running:
            said = running.communicate(timeout=60)[0]
        assert running.returncode == status, said
        return said

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each step in the report, which has nothing confidential."""
        report = (self.checkout / ".smoke" / "report.md").read_text()
        assert not [word for word in (ACCOUNT, TOKEN, SECRET) if word in report]
        rows = [line.strip("| ").split(" | ") for line in report.splitlines() if "|" in line]
        return {row[0]: row[2] for row in rows[2:]}

    @property
    def calls(self) -> str:
        return (self.home / "calls").read_text()

    @property
    def files(self) -> set[str]:
        """Return the files of the checkout that the script may not write."""
        found = (path for path in self.checkout.rglob("*") if path.is_file())
        return {f"{path}: {path.read_bytes()!r}" for path in found if ".smoke" not in path.parts}

    @property
    def left(self) -> set[str]:
        return {path.name for path in (self.checkout / ".smoke").iterdir()}


@pytest.fixture
def smoke(tmp_path: Path) -> Smoke:
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")
    return Smoke(tmp_path)


def test_a_run_leaves_a_report_and_nothing_else(smoke: Smoke):
    before = smoke.files
    smoke.run("--yes", "--image", IMAGE, status=0)
    outcomes = smoke.outcomes()
    assert {outcomes[step] for step in ("apply", "drop", "replay", "roll back", "destroy")} == {
        "held"
    }
    assert "did not hold" not in outcomes.values()
    assert smoke.left == {"report.md", "log"}
    assert smoke.files == before
    assert (smoke.home / "first").read_text().startswith("videodrop-smoke-")  # not "theirs"
    assert SECRET not in smoke.calls  # arguments are visible to other users
    assert TOKEN not in smoke.calls


def test_a_check_that_fails_ends_the_run_and_destroys(smoke: Smoke):
    (smoke.home / "fails").touch()
    smoke.run("--yes", "--image", IMAGE, status=1)
    outcomes = smoke.outcomes()
    assert outcomes["all stages succeeded"] == "did not hold"
    assert outcomes["destroy"] == "held"
    assert "replay" not in outcomes
    assert smoke.left == {"report.md", "log"}


def test_what_could_not_be_destroyed_is_destroyed_later(smoke: Smoke):
    (smoke.home / "destroy-fails").touch()
    assert "NOT DESTROYED" in smoke.run("--yes", "--image", IMAGE, status=1)
    assert "--destroy" in smoke.run("--yes", "--image", IMAGE, status=2)  # it begins no other
    (smoke.home / "destroy-fails").unlink()
    smoke.run("--destroy", status=0)
    assert smoke.left == {"report.md", "log"}


def test_a_killed_run_is_destroyed_later(smoke: Smoke):
    (smoke.home / "hangs").touch()
    with smoke.start("--yes", "--image", IMAGE) as running:
        while not (smoke.home / "hanging").exists():
            assert running.poll() is None
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGKILL)
    assert "terraform.tfstate" in smoke.left
    (smoke.home / "other").touch()  # another account, where nothing would be found
    assert "another account" in smoke.run("--destroy", status=2)
    (smoke.home / "other").unlink()
    smoke.run("--destroy", status=0)
    assert smoke.outcomes()["apply"] == smoke.outcomes()["destroy"] == "held"
    assert smoke.left == {"report.md", "log"}


def test_in_a_simulator_a_worker_runs_the_stages_and_ends_with_the_run(smoke: Smoke):
    (smoke.checkout / "handlers").mkdir()
    (smoke.checkout / "handlers" / "query.py").touch()
    smoke.run("--local", status=0, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert smoke.outcomes()["the API is closed without it"].startswith("not checked")
    assert (smoke.home / "working").exists()
    assert (smoke.home / "stopped").exists()


def test_without_a_yes_nothing_is_made(smoke: Smoke):
    said = smoke.run("--image", IMAGE, status=2)
    assert f"account {ACCOUNT}, region eu-central-1" in said
    assert "terraform" not in smoke.calls
