"""The search index in two implementations of DynamoDB."""

import pytest

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog, search_merge
from pipeline.aws.catalog.search_merge import Merge
from pipeline.aws.catalog.standing import Standings
from pipeline.aws.catalog.table import Table, partition
from pipeline.core.settings import Settings
from pipeline.results.search.query import Query
from tests.integration.aws.test_catalog import deletion, finish, record


def test_a_member_is_added_once_and_the_row_goes_with_the_last(catalog: Catalog):
    table: Table = catalog._table
    for _ in range(2):
        table.add_to_set("p", "s", "videos", "a")
    table.add_to_set("p", "s", "videos", "b")
    table.take_from_set("p", "s", "videos", "a")
    assert (table.get("p", "s") or {})["videos"] == {"b"}
    table.take_from_set("p", "s", "videos", "b")
    table.take_from_set("p", "s", "videos", "b")
    assert table.get("p", "s") is None


def test_a_set_and_bytes_are_written_and_read(catalog: Catalog):
    table: Table = catalog._table
    table.write(puts=[{"pk": "p", "sk": "s", "page": b"\0\xff", "videos": {"a", "b"}}])
    row = table.get("p", "s") or {}
    assert (row["page"], row["videos"]) == (b"\0\xff", {"a", "b"})


def test_a_name_is_found_before_and_after_a_merge_and_no_more_once_it_is_deleted(
    catalog: Catalog, toys: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(search_merge, "_MANY", 1)  # its other stages have not ended
    upload = record(catalog, key="videos/Beach holiday.mp4")
    finish(catalog, upload)
    finish(catalog, upload, fingerprint="g")
    table: Table = catalog._table

    def found() -> list[str]:
        hits = bootstrap.search(toys).find(Query("holid* beach"), limit=5).hits
        return [hit.indexed.video_id for hit in hits]

    def rows(pk: str) -> int:
        return len(list(table.query(KeyConditionExpression=partition("pk", pk))))

    assert found() == [upload.video_id]
    assert Merge(table, Standings(table, catalog._stages), fewest=1).merge(within_s=60) == 1
    assert found() == [upload.video_id]
    assert (rows("#recent"), rows("#terms#be")) == (1, 1)
    catalog.record_deletion(deletion(key=upload.key, sequencer="0Z"))
    assert found() == []
    assert rows("#terms#be") == 0


def test_a_deletion_that_comes_late_leaves_the_words_of_a_later_upload(
    catalog: Catalog, toys: Settings
):
    upload = record(catalog, key="videos/Beach holiday.mp4")
    finish(catalog, upload)
    catalog.unindex(upload.video_id)  # by a deletion of the upload before
    hits = bootstrap.search(toys).find(Query("beach"), limit=5).hits
    assert [hit.indexed.video_id for hit in hits] == [upload.video_id]
