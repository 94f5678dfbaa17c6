"""``ls`` and ``search`` read pages until there is enough, or nothing was found for long."""

from types import SimpleNamespace

import pytest

from pipeline.aws.catalog import listing
from pipeline.cli import commands, searching
from pipeline.core.settings import Settings
from pipeline.results.search import facets
from pipeline.results.search.query import Query
from pipeline.results.search.search import Found
from tests.fakes.query import FakeCatalog, run, upload, video

WALKED, EMPTY = 2, 3


@pytest.fixture
def catalog(monkeypatch) -> FakeCatalog:
    """A library of twenty videos, of which the oldest one is at work."""
    made = [upload(number) for number in range(20)]
    states = ["running", *["succeeded"] * 19]
    pairs = zip(made, states, strict=True)
    known = FakeCatalog(video(one, run(one, "a", state)) for one, state in pairs)
    monkeypatch.setattr(listing, "EXAMINED", WALKED)
    monkeypatch.setattr(commands, "_EMPTY_PAGES", EMPTY)
    monkeypatch.setattr(commands, "connect", lambda: (None, known))
    monkeypatch.setattr(
        commands, "print_videos", lambda found, *_, **__: commands.out.print(len(found))
    )
    return known


def listed(capsys, **options) -> tuple[str, str]:
    given = {"status": None, "label": None, "until": None, "limit": 20, "as_json": False}
    commands.list_videos(**given | options)
    read = capsys.readouterr()
    return read.out.strip(), read.err


def test_pages_are_read_until_the_limit(capsys, catalog):
    assert listed(capsys, limit=7) == ("7", "")
    assert catalog.read < 10


def test_a_rare_match_is_not_looked_for_without_end(capsys, catalog):
    found, said = listed(capsys, status="processing")
    assert (found, catalog.read) == ("0", WALKED * EMPTY)
    for _ in range(3):
        until = said.split("--until ")[1].strip()
        found, said = listed(capsys, status="processing", until=until)
    assert (found, said) == ("1", "")


def test_a_search_is_not_without_end_either(monkeypatch):
    asked = []

    def find(*_, cursor, **__) -> Found:
        asked.append(cursor)
        return Found([], facets.count([], complete=False), "more")

    parts = SimpleNamespace(find=find, url=str)
    monkeypatch.setattr(searching.bootstrap, "search", lambda _: parts)
    monkeypatch.setattr(searching.bootstrap, "artifacts", lambda _: parts)
    assert searching._moments(Settings(), Query("rare"), 20) == ([], False)
    assert len(asked) == searching._EMPTY_PAGES
