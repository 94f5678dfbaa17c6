"""Secrets that no log may have: signatures of addresses, and tokens."""

import logging
import re
from pathlib import Path

_SECRET = re.compile(
    r"X-Amz-(?:Signature|Credential|Security-Token)=|[?&](?:signature|Signature|Policy)=\w"
    r"|Bearer [\w.~+/-]{16}|#token=\w"
)


def secrets_in(text: str) -> list[str]:
    """Return the places of a text where secrets are, with what is around them."""
    return [text[max(0, one.start() - 80) : one.end() + 20] for one in _SECRET.finditer(text)]


def check_logs(folder: Path) -> None:
    """Check that no log below a folder has a secret."""
    for log in folder.rglob("*.log"):
        assert secrets_in(log.read_text(errors="replace")) == [], log


class Watch(logging.Handler):
    """A handler that keeps the records in which secrets are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found += secrets_in(self.format(record))
