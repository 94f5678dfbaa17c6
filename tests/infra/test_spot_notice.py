"""The script of a Spot host that looks for its notice, with stand-ins for what a host has."""

import re
import subprocess
import textwrap
from pathlib import Path

from tests.infra.conftest import ROOT

SOURCE = ROOT / "infra" / "modules" / "gpu_pool" / "hosts.tf"
# The notice comes at the third look.
CURL = """#!/bin/bash
case "$*" in
  *-X\\ PUT*api/token*) echo secret ;;
  *"token: secret"*/spot/instance-action) echo >> looks; [ $(wc -l < looks) -ge 3 ] && echo {} ;;
  *) exit 22 ;;
esac
"""
# The worker's container is the only one of ECS; the agent has no such label.
DOCKER = """#!/bin/bash
case "$*" in
  "ps -q --filter label=com.amazonaws.ecs.task-arn") cat container ;;
  "kill --signal TERM "*) kill -TERM "$4" ;;
  *) exit 1 ;;
esac
"""


def test_at_the_notice_a_worker_gets_sigterm_and_not_before(tmp_path: Path):
    (script,) = re.findall(r"  notice = <<-EOT\n(.*?)\n  EOT\n", SOURCE.read_text(), re.DOTALL)
    for name, text in {
        "curl": CURL,
        "docker": DOCKER,
        "sleep": "#!/bin/bash\n",
        "notice": textwrap.dedent(script),
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    with subprocess.Popen(["/bin/sleep", "600"]) as worker:
        try:
            (tmp_path / "container").write_text(f"{worker.pid}\n")
            path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
            subprocess.run([tmp_path / "notice"], check=True, cwd=tmp_path, env=path, timeout=60)
            assert worker.wait(30) == -15
        finally:
            worker.kill()
    assert len((tmp_path / "looks").read_text().splitlines()) == 3
