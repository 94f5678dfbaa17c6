"""What the routes need: settings, catalog, files, versions and replays, made on first use."""

from functools import cached_property, partial
from typing import Annotated

from fastapi import Depends, Request

from pipeline import bootstrap
from pipeline.api.playback import Playback
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.settings import Settings
from pipeline.replays.store import Replays
from pipeline.results.versions import Versions


class Context:
    """The parts behind the API; those not given are this installation's own.

    They are made on first use, so that importing or creating the app reaches for no network.
    """

    def __init__(
        self,
        settings: Settings | None,
        catalog: Catalog | None,
        artifacts: Artifacts | None,
        replays: Replays | None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._artifacts = artifacts
        self._replays = replays

    def open(self) -> None:
        """Make the parts that have clients of AWS now, and not at the first request."""
        _ = self.catalog, self.artifacts, self.replays

    @cached_property
    def settings(self) -> Settings:
        """This installation's settings."""
        return self._settings or bootstrap.settings()

    @cached_property
    def catalog(self) -> Catalog:
        """What is recorded about videos."""
        return self._catalog or bootstrap.catalog(self.settings)

    @cached_property
    def artifacts(self) -> Artifacts:
        """The files."""
        return self._artifacts or bootstrap.artifacts(self.settings)

    @cached_property
    def versions(self) -> Versions:
        """Earlier results beside the current ones."""
        return Versions(self.catalog, self.artifacts)

    @cached_property
    def playback(self) -> Playback:
        """Addresses of playlists."""
        key = partial(self.catalog.keys.get, "playback")
        return Playback(key, lasts_s=self.settings.presign_s)

    @cached_property
    def replays(self) -> Replays:
        """What was asked to be reprocessed."""
        return self._replays or bootstrap.replays(self.settings)


def _context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


Parts = Annotated[Context, Depends(_context)]
