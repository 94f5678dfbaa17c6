"""The embedded AWS without its journal: it saves its state every 4 s, and waits for nothing."""

import sys
from pathlib import Path

from pipeline.hosts.local import moto_patches, server, store
from pipeline.hosts.local.changes import Change

_SAVE_EVERY_S = 4.0


class _Unjournaled(store.Store):
    """A state on disk that is a snapshot alone."""

    _changes = 0

    def append(self, change: Change) -> None:
        """Count a request that may have changed something."""
        del change
        self._changes += 1

    def commit(self, change: Change) -> None:
        """Return at once."""
        del change

    def save_if_due(self) -> None:
        """Save if anything was written."""
        if self._changes:
            self._changes = 0
            self.save()


if __name__ == "__main__":
    noted = moto_patches.noted
    noted.PATCHES = ()
    server.Store = _Unjournaled  # type: ignore[attr-defined,misc]
    server.main(Path(sys.argv[1]), int(sys.argv[2]))
