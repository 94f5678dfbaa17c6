"""The address of the pipeline for the command line: the embedded stack, an endpoint, or AWS.

In this order: ``AWS_ENDPOINT_URL`` if it is set; AWS itself with ``VIDEODROP_CLOUD=aws``; else the
stack of ``videodrop up``, which writes a file into its home directory. Where this folder has none,
and ``VIDEODROP_HOME`` is not set, the stack that this user started last is used: a user-wide file
names its home. Credentials alone never select AWS: a command meant for a laptop must not reach an
account.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel

from pipeline.core.errors import VideodropError
from pipeline.hosts.private_file import is_private, write_private


class NotRunning(VideodropError):
    """There is no pipeline to talk to."""

    failure_class = "dependency"
    exit_code = 4


class StackFile(BaseModel):
    """The addresses and the environment of a running stack, in ``stack.json``."""

    pid: int
    endpoint: str
    api_url: str
    lan_urls: list[str] = []
    token: str | None = None
    inbox: Path | None = None
    environment: dict[str, str] = {}

    @staticmethod
    def path(home: Path) -> Path:
        """Return the path of the file."""
        return home / "stack.json"

    @classmethod
    def read(cls, home: Path) -> "StackFile | None":
        """Return the running stack of ``home``; None without a file or if its process has ended.

        A file that others may read is ignored, because ``write`` never makes one: another user or
        an archive put it there, and its environment would become that of this process. So is one
        that this user may not read: it belongs to the stack of another.
        """
        try:
            with cls.path(home).open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    return None
                found = cls.model_validate_json(file.read())
        except (FileNotFoundError, PermissionError, ValueError):
            return None
        try:
            os.kill(found.pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass  # another user's process, running
        return found

    def page(self, view: str = "", *, at: str | None = None) -> str:
        """Return the address of a view of the page; it carries the token if one is needed.

        Args:
            view: what follows the ``#``, such as ``/videos/{id}``; empty for the library.
            at: one of the addresses of the API; by default the one for this machine.
        """
        token = f"token={quote(self.token, safe='')}" if self.token else ""
        return f"{at or self.api_url}/" + (f"#{token}{view}" if token or view else "")

    def write(self, home: Path) -> None:
        """Write the file atomically, readable only by its owner: it holds credentials."""
        text = json.dumps(self.model_dump(mode="json"), indent=1) + "\n"
        write_private(self.path(home), text)

    @classmethod
    def running(cls, home: Path) -> "StackFile | None":
        """Return the running stack of ``home``, or else the one that this user started last."""
        if (found := cls.read(home)) or "VIDEODROP_HOME" in os.environ:
            return found
        with suppress(OSError, ValueError):
            if is_private(pointer()):
                return cls.read(Path(pointer().read_text().strip()))
        return None


def pointer() -> Path:
    """Return the path of the user-wide file, which has the home of the stack started last."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "videodrop" / "home"


@contextmanager
def announced(stack: StackFile, home: Path) -> Iterator[None]:
    """Have commands in all folders find a stack while it runs."""
    stack.write(home)
    where = pointer()
    with suppress(OSError):  # a home that cannot be written: commands in this folder find it
        where.parent.mkdir(parents=True, exist_ok=True)
        write_private(where, f"{home}\n")
    try:
        yield
    finally:
        StackFile.path(home).unlink(missing_ok=True)
        with suppress(OSError):
            if where.read_text().strip() == str(home):  # another one may have started since
                where.unlink()


def connect(home: Path) -> StackFile | None:
    """Configure this process's AWS clients for the pipeline.

    Returns:
        The embedded stack, if it is used; else None.

    Raises:
        NotRunning: ``not_running``: no pipeline runs and no other one is configured.
    """
    stack = StackFile.running(home)
    if os.environ.get("AWS_ENDPOINT_URL"):
        return stack if stack and stack.endpoint == os.environ["AWS_ENDPOINT_URL"] else None
    if os.environ.get("VIDEODROP_CLOUD") == "aws":
        return None
    if stack is None:
        raise NotRunning(
            "not_running",
            f"No pipeline is running, neither from {home.resolve()} nor elsewhere. Start one with "
            "`make up` or `videodrop up`, or set VIDEODROP_HOME, AWS_ENDPOINT_URL or "
            "VIDEODROP_CLOUD=aws.",
        )
    os.environ.update(stack.environment)
    return stack
