"""The search index in two implementations of DynamoDB."""

from pipeline import bootstrap
from pipeline.aws.catalog import Catalog
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


def test_numbers_follow_one_another_and_pages_are_bytes(catalog: Catalog):
    table: Table = catalog._table
    assert [table.count("p", "n", "last")["last"] for _ in range(3)] == [1, 2, 3]
    table.write(puts=[{"pk": "p", "sk": "page", "page": b"\0\xff"}])
    assert (table.get("p", "page") or {})["page"] == b"\0\xff"


def test_a_name_is_indexed_with_the_first_result_and_found(catalog: Catalog, toys: Settings):
    upload = record(catalog, key="videos/Beach holiday.mp4")
    finish(catalog, upload)
    finish(catalog, upload, fingerprint="g")
    found = bootstrap.search(toys).find(Query("holid*"), limit=5)
    assert [hit.indexed.video_id for hit in found.hits] == [upload.video_id]
    table: Table = catalog._table
    rows = list(table.query(KeyConditionExpression=partition("pk", "#words#be")))
    assert len(rows) == 1
    catalog.record_deletion(deletion(key=upload.key, sequencer="0Z"))
    assert bootstrap.search(toys).find(Query("beach"), limit=5).hits == []
    assert list(table.query(KeyConditionExpression=partition("pk", "#words#be"))) == []
