"""SECURITY.md names tests that exist, and one for every attempt."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_attempt_has_a_test_that_exists():
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    attempts = [row for row in rows if not row.startswith("| Tries")]
    assert len(attempts) > 30
    assert [row for row in attempts if not NAMED.search(row)] == []
    named = NAMED.findall(TEXT)
    assert [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text()
    ] == []
