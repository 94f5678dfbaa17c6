"""The thread that watches the inbox: it is started again if it ends, and its beats are seen."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from pipeline.hosts.local.inbox import Inbox

log = logging.getLogger(__name__)


class InboxThread:
    """A thread that watches an inbox.

    Args:
        inbox: the inbox.
        beat: a file that is touched at each look, and while a file is sent.
    """

    def __init__(self, inbox: Inbox, beat: Path) -> None:
        self._inbox = inbox
        self._beat = beat
        self._ending = threading.Event()
        self._start()

    def restart(self, tell: Callable[[str], None]) -> None:
        """Start the thread again if it has ended, and tell so."""
        if not self._thread.is_alive() and not self._ending.is_set():
            tell(f"The inbox {self._inbox.folder} was not watched any more; watching it again.")
            self._start()

    def end(self, patience_s: float) -> None:
        """End the thread; a file that is being sent may take some seconds."""
        self._ending.set()
        self._thread.join(patience_s)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._inbox.run(self._ending, self._beat.touch)
        except Exception:
            log.exception("The thread of the inbox ended")
