"""Known vulnerabilities of the pinned Python packages, where the advisory database can be reached.

    python -m containers.audit

pip-audit, in a folder of its own, asks for each package. A mirror of packages without advisories
answers as if there were none, so an old release with known ones is asked about first.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
_TOOL: Final = Path(sys.prefix) / "pip-audit"
_KNOWN: Final = "jinja2==2.10"  # CVE-2019-10906
_OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner=off", "--timeout=5", "--format=json")
_NOT_AUDITED = "Dependencies are not audited: the advisory database cannot be reached from here."


def asked(pins: str) -> list[dict[str, Any]] | None:
    """Return pip-audit's answer on each package; None if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pins.txt"
        path.write_text(pins)
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *_OPTIONS, "--requirement", path],
            env=os.environ | {"PYTHONPATH": str(_TOOL)},
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except ValueError:
        return None


def reachable(answer: list[dict[str, Any]] | None) -> bool:
    """Return whether an answer on the release with known vulnerabilities has them."""
    return bool(answer and answer[0].get("vulns"))


def findings(answer: list[dict[str, Any]]) -> list[str]:
    """Return a line for each vulnerability, and for each package that was not found."""
    lines = []
    for one in answer:
        if why := one.get("skip_reason"):
            lines.append(str(why))
        for found in one.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "no release yet"
            lines.append(f"{one['name']} {one['version']}: {found['id']}, fixed in {fixed}")
    return lines


def main() -> None:
    """Print what was found, and exit with 1 if there was anything."""
    if not _TOOL.is_dir():
        print("Dependencies are not audited: setup.sh could not install pip-audit.")
        return
    if not reachable(asked(_KNOWN)):
        print(_NOT_AUDITED)
        return
    answer = asked((ROOT / "constraints.txt").read_text())
    lines = [_NOT_AUDITED] if answer is None else findings(answer)
    print("\n".join(lines) or "Dependencies: no known vulnerability.")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
