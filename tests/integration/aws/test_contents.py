"""Results by content, in two implementations of DynamoDB: found while some video has them."""

from typing import Any

from pipeline.aws.catalog import Catalog
from pipeline.core.records import StageResult
from tests.fakes.query import result, upload

A, B = "a" * 20, "b" * 20
SOURCE = upload()
CONTENT = SOURCE.content_id


def made(**given: Any) -> StageResult:
    return result(SOURCE, "toy", **given)


def key(one: StageResult) -> tuple[str, str, str]:
    return one.content_id, one.stage, one.fingerprint


def marked(catalog: Catalog, stage: str = "toy") -> bool | None:
    """Return what an upload of these bytes under another key finds out by its first read."""
    other = upload(key="videos/other.mp4")
    return catalog.record_upload(other, patience_s=60, by=stage).marked


def test_the_latest_video_with_a_result_is_found(catalog: Catalog):
    contents, one = catalog.results.contents, made()
    assert contents.owner(key(one)) is None
    catalog.results.put(A, one)
    assert contents.owner(key(one)) == A
    catalog.results.put(B, one)
    assert contents.owner(key(one)) == B


def test_an_upload_is_told_by_its_first_read_whether_to_look(catalog: Catalog):
    assert marked(catalog) is False
    catalog.results.put(A, made())
    assert marked(catalog) is True
    assert marked(catalog, "twin") is False


def test_a_plan_asks_for_many_at_once(catalog: Catalog):
    results = [made(fingerprint=f"{number}") for number in range(130)]
    for one in results[:120]:
        catalog.results.put(A, one)
    assert catalog.results.contents.stored(map(key, results)) == set(map(key, results[:120]))


def test_a_forgotten_result_is_not_found_and_leaves_no_trace_of_its_bytes(catalog: Catalog):
    one, two = made(fingerprint="1"), made(fingerprint="2")
    for each in (one, two):
        catalog.results.put(A, each)
    catalog.results.forget(A, one)
    contents = catalog.results.contents
    assert (contents.owner(key(one)), contents.owner(key(two))) == (None, A)
    assert marked(catalog) is True
    catalog.results.forget(A, two)
    assert contents.owner(key(two)) is None
    assert marked(catalog) is False


def test_a_result_that_another_video_has_too_stays(catalog: Catalog):
    one = made()
    catalog.results.put(A, one)
    catalog.results.put(B, one)
    catalog.results.forget(A, one)
    assert catalog.results.contents.owner(key(one)) == B
    assert marked(catalog) is True
