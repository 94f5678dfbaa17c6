"""The reads of each listing, which do not depend on how much there is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from pipeline.api.context import Context
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.listing import EXAMINED
from pipeline.aws.catalog.table import Table
from pipeline.aws.queues import Counts
from pipeline.core.settings import Settings
from pipeline.replays.store import Replays
from pipeline.results.jobs import Jobs
from tests.fakes.metered import STAGES, WEBHOOK, Metered
from tests.fakes.query import START, Client, FakeArtifacts, Parted

FEW, MANY = 12_000, 100_000
_LATER, _MIDDLE = START + timedelta(days=365), START + timedelta(seconds=150)


def replays(table: Table) -> Replays:
    return Replays(table, None, bus="bus", spec=Settings().topology.replays)


def client(table: Table) -> Client:
    files = cast("Any", FakeArtifacts())
    return Client(Parted(Context(Settings(), Catalog(table, STAGES), files, replays(table))))


def listed(path: str) -> Callable[[Table], object]:
    def read(table: Table) -> object:
        answer = client(table).get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return read


LISTINGS: dict[str, Callable[[Table], object]] = {
    "videos": listed("/videos"),
    "the oldest videos": listed("/videos?sort=oldest"),
    "one video": listed("/videos?limit=1"),
    "a hundred videos": listed("/videos?limit=100"),
    "videos of a status": listed("/videos?status=ready"),
    "videos of a status that none has": listed("/videos?status=processing"),
    "videos of a label": listed("/videos?label=dog"),
    "videos of a rare label": listed("/videos?label=unicorn"),
    "videos with a prefix": listed("/videos?prefix=videos/beach"),
    "videos with a prefix that none has": listed("/videos?prefix=videos/mountain"),
    "videos of a time": listed(
        f"/videos?uploaded_after={START:%Y-%m-%dT%H:%M:%SZ}"
        f"&uploaded_before={_MIDDLE:%Y-%m-%dT%H:%M:%SZ}"
    ),
    "videos with a word in the name": listed("/videos?name=beach"),
    "a number": listed("/videos?limit=1&count=true"),
    "a number of a label": listed("/videos?limit=1&count=true&label=dog"),
    "videos after all": listed(f"/videos?uploaded_after={_LATER:%Y-%m-%dT%H:%M:%SZ}"),
    "videos in a language that none has": listed("/videos?language=de"),
    "labels": listed("/labels"),
    "replays": listed("/replays"),
    "one replay": listed("/replays?limit=1"),
    "jobs": lambda table: Jobs(Catalog(table, STAGES), lambda *_: Counts(0, 0)).now(),
    "events": lambda table: Catalog(table, STAGES).events.after(100),
    "the last event": lambda table: Catalog(table, STAGES).events.last(),
    "deliveries": lambda table: Catalog(table, STAGES).webhooks.deliveries(WEBHOOK, limit=20),
    "versions": lambda table: Catalog(table, STAGES).results.all(f"{0:020x}"),
    "drives": lambda table: Replays(
        table, None, bus="b", spec=Settings().topology.replays
    ).driven(),
    "videos named": lambda table: Catalog(table, STAGES).names.of("beach.mp4"),
}


def spent(what: str, videos: int) -> tuple[int, float]:
    table = Metered(videos)
    LISTINGS[what](Table(table))
    return table.calls, table.units


@pytest.mark.parametrize("what", LISTINGS)
def test_a_listing_reads_no_more_of_a_larger_month(what: str):
    assert spent(what, MANY) == spent(what, FEW)


def test_a_page_reads_the_videos_that_it_shows():
    rows = 1 + len(STAGES)  # the video's, and those of its stages
    calls, units = spent("one video", MANY)
    assert (calls, units) == (4, rows + 2.5)  # the months, two places, and the key of the cursor
    assert spent("a hundred videos", MANY)[1] < 100 * rows + 5
    assert spent("one replay", MANY)[1] <= 2


def test_a_filter_that_no_video_passes_reads_a_bounded_number():
    calls, units = spent("videos of a status that none has", MANY)
    assert units < EXAMINED * (1 + len(STAGES)) + 10
    assert calls < 15
