"""Dependencies of the routes: settings, catalog, files, versions and replays."""

import gc
from functools import cached_property, partial
from typing import Annotated

from fastapi import Depends, Request

from pipeline import bootstrap
from pipeline.api.cursors import Cursors
from pipeline.api.playback import Playback
from pipeline.api.shared_reads import SharedReads
from pipeline.aws.addresses import Addresses
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.notified import Notified
from pipeline.aws.receiving import Receiver
from pipeline.aws.relayed import Store
from pipeline.core.records import Video
from pipeline.core.settings import Settings
from pipeline.replays.store import Replays
from pipeline.results.deletion import Deletions
from pipeline.results.jobs import Jobs
from pipeline.results.outgoing.registration import Registration
from pipeline.results.search.search import Search
from pipeline.results.versions import Versions


class Context:
    """Dependencies of the routes; those not given are this installation's.

    They are made on first use, so that importing or creating the app needs no network.
    """

    def __init__(
        self,
        settings: Settings | None,
        catalog: Catalog | None,
        artifacts: Artifacts | None,
        replays: Replays | None,
        search: Search | None = None,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._artifacts = artifacts
        self._replays = replays
        self._search = search

    def open(self) -> None:
        """Make the parts that have AWS clients now, not at the first request."""
        _ = self.catalog, self.artifacts, self.replays, self.receiver, self.search
        gc.freeze()  # what was made so far stays: the collector need not look at it in each request

    @cached_property
    def settings(self) -> Settings:
        """Return this installation's settings."""
        return self._settings or bootstrap.settings()

    @cached_property
    def catalog(self) -> Catalog:
        """Return the records of videos."""
        return self._catalog or bootstrap.catalog(self.settings)

    @cached_property
    def artifacts(self) -> Artifacts:
        """Return the files."""
        return self._artifacts or bootstrap.artifacts(self.settings)

    @cached_property
    def receiver(self) -> Receiver:
        """Return the uploads that are sent in parts."""
        return bootstrap.receiver(self.settings)

    @cached_property
    def notified(self) -> Notified:
        """Return the receiver of the store's notifications."""
        return bootstrap.notified(self.settings)

    @cached_property
    def store(self) -> Store | None:
        """Return S3 as the API hands requests on to it; None if clients reach it themselves."""
        return bootstrap.store(self.settings)

    @cached_property
    def token(self) -> str | None:
        """Return the token that requests must send; None if none is needed."""
        secret = self.settings.api_token
        return secret.get_secret_value() if secret else None

    @cached_property
    def versions(self) -> Versions:
        """Return the stored results."""
        return Versions(self.catalog, self.artifacts)

    @cached_property
    def deletions(self) -> Deletions:
        """Return the deletion of videos."""
        return bootstrap.deletions(self.settings)

    @cached_property
    def jobs(self) -> Jobs:
        """Return what runs, waits and failed."""
        return bootstrap.jobs(self.settings)

    @cached_property
    def originals(self) -> Addresses:
        """Return the signer of the uploaded files' URLs."""
        return bootstrap.originals(self.settings)

    @cached_property
    def search(self) -> Search:
        """Return the search over the videos."""
        return self._search or bootstrap.search(self.settings)

    @cached_property
    def webhooks(self) -> Registration:
        """Return the webhooks."""
        return bootstrap.webhooks(self.settings)

    @cached_property
    def shared_reads(self) -> SharedReads:
        """Return what the streams of events read."""
        return SharedReads(self.catalog, keep=self.settings.stream_s > 0)

    @cached_property
    def playback(self) -> Playback:
        """Return the signer of playlist URLs."""
        return Playback(partial(self.catalog.keys.get, "playback"))

    @cached_property
    def cursors(self) -> Cursors:
        """Return the signer of cursors."""
        return Cursors(partial(self.catalog.keys.get, "cursors"))

    def lasts_s(self, video: Video) -> float:
        """Return the lifetime of the URLs that play a video: its length and ``presign_s``."""
        return self.settings.presign_s + (video.probe.duration_s if video.probe else 0.0)

    @cached_property
    def replays(self) -> Replays:
        """Return the replays."""
        return self._replays or bootstrap.replays(self.settings)


def _context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


Parts = Annotated[Context, Depends(_context)]
