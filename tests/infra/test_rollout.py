"""``infra/rollout.sh``, with stubs of ``terraform`` and ``aws``."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import ROOT

# Each deployment is in progress at the first look; the second one shows how it ended.
_AWS = """#!/usr/bin/env bash
set -eu
echo "aws $*" >>"$HOME/calls"
if [ "$2" = create-deployment ]; then
  [[ $4 != *limited* ]] || exit 254
  jq -r '"d-" + .deploymentGroupName' <<<"$4"
elif [ ! -e "$HOME/$4" ]; then
  touch "$HOME/$4"
  printf 'InProgress\\tNone\\n'
else
  cat "$HOME/ends-$4" 2>/dev/null || printf 'Succeeded\\tNone\\n'
fi
"""
_TERRAFORM = """#!/usr/bin/env bash
echo "terraform $*" >>"$HOME/calls"
[ "$1" != output ] || cat "$HOME/rollouts"
"""


class Rollout:
    """A run of the script in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        for name, text in (("aws", _AWS), ("terraform", _TERRAFORM)):
            (home / name).write_text(text)
            (home / name).chmod(0o755)

    def run(self, *functions: str, **ends: str) -> subprocess.CompletedProcess[str]:
        """Run it for functions; ``ends`` has what CodeDeploy says of some."""
        rollouts = {one: {"deploymentGroupName": one} for one in functions}
        (self._home / "rollouts").write_text(json.dumps(rollouts))
        for function, said in ends.items():
            (self._home / f"ends-d-{function}").write_text(said)
        path = f"{self._home}:{os.environ['PATH']}"
        environment = {"HOME": str(self._home), "PATH": path, "POLL_S": "0"}
        return subprocess.run(
            [ROOT / "infra" / "rollout.sh"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        return (self._home / "calls").read_text().splitlines()


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")
    return Rollout(tmp_path)


def test_every_function_is_shifted_and_waited_for(rollout: Rollout):
    done = rollout.run("detect", "query")
    assert (done.returncode, done.stderr) == (0, "")
    assert {"detect: live", "query: live"} < set(done.stdout.splitlines())
    assert rollout.calls[-1] == "terraform apply -refresh-only -auto-approve"


def test_a_version_that_was_rolled_back_fails_the_script_and_says_why(rollout: Rollout):
    done = rollout.run("detect", "query", detect="Stopped\tAn alarm went off\n")
    assert done.returncode == 1
    assert done.stderr == "detect: not live: An alarm went off\n"
    assert "query: live" in done.stdout
    assert rollout.calls[-1].startswith("terraform apply -refresh-only")


def test_a_deployment_that_cannot_start_fails_the_script_after_the_others(rollout: Rollout):
    done = rollout.run("limited", "query")
    assert done.returncode == 1
    assert done.stderr == "limited: not started\n"
    assert "query: live" in done.stdout


def test_where_terraform_has_moved_the_aliases_there_is_nothing_to_do(rollout: Rollout):
    done = rollout.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing to shift")
    assert rollout.calls == ["terraform output -json rollouts"]
