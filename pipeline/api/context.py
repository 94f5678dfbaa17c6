"""What every route needs: settings, the catalog and the artifacts, made on first use."""

from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request

from pipeline import bootstrap
from pipeline.artifacts import Artifacts
from pipeline.catalog import Catalog
from pipeline.settings import Settings


class Context:
    """The parts behind the API; those not given are this installation's own.

    They are made on first use, so that importing or creating the app reaches for no network.
    """

    def __init__(
        self, settings: Settings | None, catalog: Catalog | None, artifacts: Artifacts | None
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._artifacts = artifacts

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


def _context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


Parts = Annotated[Context, Depends(_context)]
