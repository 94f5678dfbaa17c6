"""Constructors of what keeps and finds things: catalog, files, uploads, replays."""

from typing import TYPE_CHECKING

from pipeline.aws import clients as aws
from pipeline.aws import event_bus
from pipeline.aws.adding import Adder
from pipeline.aws.addresses import Addresses
from pipeline.aws.announce import Announcer
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.search_merge import Merge
from pipeline.aws.catalog.standing import Standings
from pipeline.aws.catalog.table import Table
from pipeline.aws.catalog.videos import Videos
from pipeline.aws.cloudfront import Cdn
from pipeline.aws.multipart import Multipart
from pipeline.aws.notified import Notified
from pipeline.aws.queues import counts
from pipeline.aws.receiving import Receiver
from pipeline.aws.relayed import Store
from pipeline.aws.uploads import Uploads
from pipeline.core.settings import Settings
from pipeline.replays.store import Replays
from pipeline.results.search.index import SearchIndex
from pipeline.results.search.search import Search
from pipeline.results.versions import Versions

if TYPE_CHECKING:
    from pipeline.aws.backfill import Backfill
    from pipeline.aws.missing import Missing
    from pipeline.aws.watch import Watch


def catalog(config: Settings) -> Catalog:
    """Return the catalog of this installation."""
    table = Table(aws.table(config.names.table))
    index, stages = search_index(config, table), config.topology.stages
    # Most processes send no events, and need no client for them.
    send = Announcer(lambda each: event_bus.put(aws.client("events"), each), config.names.bus)
    return Catalog(table, stages, index, send)


def search_index(config: Settings, table: Table | None = None) -> SearchIndex:
    """Return the search index of this installation."""
    known = table or Table(aws.table(config.names.table))
    stages = config.topology.stages
    return SearchIndex(
        Merge(known, Standings(known, stages)),
        Videos(known, stages),
        lambda key: artifacts(config).stream(key),  # most processes read no file for it
    )


def search(config: Settings) -> Search:
    """Return the search of this installation."""
    return Search(Table(aws.table(config.names.table)), standings(config))


def standings(config: Settings) -> Standings:
    """Return the reader of what a search needs of this installation's videos."""
    return Standings(Table(aws.table(config.names.table)), config.topology.stages)


def artifacts(config: Settings) -> Artifacts:
    """Return the artifacts of this installation."""
    cdn = Cdn(aws.client("ssm"), config.cdn) if config.cdn else None
    s3, bucket = aws.client("s3"), config.names.artifacts_bucket
    return Artifacts(s3, bucket, presign_s=config.presign_s, cdn=cdn, relay=config.relay)


def uploads(config: Settings) -> Uploads:
    """Return the uploads of this installation, for clients that upload videos."""
    return Uploads(aws.client("s3"), config.names.uploads_bucket, config.topology.uploads.prefix)


def originals(config: Settings) -> Addresses:
    """Return the signer of the URLs of uploaded files."""
    bucket = config.names.uploads_bucket
    return Addresses(aws.client("s3"), bucket, presign_s=config.presign_s, relay=config.relay)


def adder(config: Settings) -> Adder:
    """Return the addition of files to this installation."""
    return Adder(uploads(config), catalog(config))


def receiver(config: Settings) -> Receiver:
    """Return the uploads that others send to this installation in parts."""
    bucket = config.names.uploads_bucket
    parts = Multipart(aws.client("s3"), bucket, lasts_s=config.presign_s, relay=config.relay)
    return Receiver(parts, uploads(config), catalog(config))


def notified(config: Settings) -> Notified:
    """Return the receiver of notifications of this installation's store."""
    return Notified(aws.client("s3"), config)


def missing(config: Settings) -> "Missing":
    """Return the comparison of the uploads bucket with the catalog."""
    from pipeline.aws.missing import Missing

    return Missing(aws.client("s3"), config.names.uploads_bucket, catalog(config))


def watch(config: Settings) -> "Watch":
    """Return the search for uploads that no event told of."""
    from pipeline.aws.watch import Watch

    known, table = catalog(config), Table(aws.table(config.names.table))
    prefix, send = config.topology.uploads.prefix, notified(config)
    return Watch(missing(config), prefix, catalog=known, notified=send, table=table)


def backfill(config: Settings) -> "Backfill":
    """Return the walk through what lies in the uploads bucket already."""
    from pipeline.aws.backfill import Backfill

    def waiting() -> int:
        names, stages = config.names, config.topology.stages
        return max(counts(names.queue(one, "replay")).waiting for one in stages)

    table, window = Table(aws.table(config.names.table)), config.replay_window
    return Backfill(missing(config), notified(config), table, waiting=waiting, window=window)


def store(config: Settings) -> Store | None:
    """Return S3 as the API hands requests on to it; None if clients reach it themselves."""
    if not config.relay:
        return None
    buckets = config.names.uploads_bucket, config.names.artifacts_bucket
    return Store(aws.client("s3").meta.endpoint_url, buckets)


def versions(config: Settings) -> Versions:
    """Return the versions of this installation's results."""
    return Versions(catalog(config), artifacts(config))


def replays(config: Settings) -> Replays:
    """Return the store of this installation's replays."""
    table = Table(aws.table(config.names.table))
    spec = config.topology.replays
    return Replays(
        table,
        aws.client("events"),
        bus=config.names.bus,
        spec=spec,
        most_usd=config.max_replay_usd,
    )
