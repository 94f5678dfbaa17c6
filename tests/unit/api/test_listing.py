from datetime import timedelta
from typing import Any, cast

import pytest

from pipeline.aws.catalog import Catalog, listing
from pipeline.aws.catalog.listing import EXAMINED, Filter
from pipeline.core.errors import BadInput
from pipeline.core.media_info import Probe
from pipeline.core.records import Video
from tests.fakes.query import START, FakeCatalog, client, done, place, run, upload, video


def clip(number: int, *labels: str, **given: Any) -> Video:
    source = upload(number, **given)
    return video(source, done(source, "detect", labels=list(labels)))


def names(videos: list[Video]) -> list[str]:
    return [one.upload.name for one in videos]


def page(
    catalog: FakeCatalog,
    wanted: Filter = Filter(),  # noqa: B008 - frozen
    **given: Any,
) -> tuple[list[Video], str | None]:
    return listing.page(cast("Catalog", catalog), wanted, **{"limit": 10} | given)


def test_pages_follow_one_another_without_gaps_or_repeats():
    catalog = FakeCatalog(clip(n) for n in range(7))
    seen, cursor = page(catalog, limit=3)
    while cursor:
        more, cursor = page(catalog, limit=3, cursor=cursor)
        seen += more
    assert names(seen) == [f"clip-00{n}.mp4" for n in range(6, -1, -1)]


def test_a_page_that_ends_with_the_list_has_no_cursor():
    catalog = FakeCatalog(clip(n) for n in range(3))
    found, cursor = page(catalog, limit=3)
    assert len(found) == 3
    assert cursor is None


def test_a_rare_filter_stops_after_a_bounded_number_and_goes_on_from_there():
    rare = clip(0, "unicorn")
    catalog = FakeCatalog([rare, *(clip(n) for n in range(1, EXAMINED + 50))])
    found, cursor = page(catalog, Filter(label="unicorn"))
    assert found == []
    assert cursor is not None
    assert catalog.read == EXAMINED
    assert catalog.walked <= EXAMINED + 1
    found, cursor = page(catalog, Filter(label="unicorn"), cursor=cursor)
    assert found == [rare]
    assert cursor is None


def test_no_more_is_read_than_a_page_needs():
    catalog = FakeCatalog(clip(n) for n in range(100))
    page(catalog, limit=2)
    assert catalog.read <= 25


def test_a_label_is_checked_against_what_is_current():
    stale = clip(1, "dog")
    true = clip(2, "Cat")
    found, _ = page(FakeCatalog([stale, true]), Filter(label="CAT"))
    assert found == [true]


def test_a_place_left_over_from_an_earlier_upload_does_not_show_the_video_twice():
    one = clip(5)
    old = place(clip(1, key=one.upload.key))
    assert old.rpartition("#")[2] == one.video_id
    found, _ = page(FakeCatalog([one], places=[place(one), old]))
    assert found == [one]


def test_an_index_may_name_a_video_that_is_gone():
    gone = clip(1)
    deleted = clip(2).model_copy(update={"deleted_at": START})
    found, _ = page(FakeCatalog([deleted], places=[place(gone), place(deleted)]))
    assert found == []


def test_status_and_prefix_filter():
    going = video(upload(3, key="videos/a/x.mp4"), run(upload(3), "a", "running"))
    ready = clip(2, key="videos/a/y.mp4")
    other = clip(1, key="videos/b/z.mp4")
    catalog = FakeCatalog([going, ready, other])
    assert page(catalog, Filter(status="processing"))[0] == [going]
    assert page(catalog, Filter(prefix="videos/a/"))[0] == [going, ready]
    assert page(catalog, Filter(status="ready", prefix="videos/a/"))[0] == [ready]


def test_times_bound_the_walk_and_not_only_the_answer():
    catalog = FakeCatalog(clip(n) for n in range(100))
    wanted = Filter(after=START + timedelta(minutes=40), before=START + timedelta(minutes=43))
    found, cursor = page(catalog, wanted)
    assert names(found) == ["clip-042.mp4", "clip-041.mp4", "clip-040.mp4"]
    assert cursor is None
    assert catalog.walked == 4


def test_a_cursor_goes_on_within_the_time_bounds():
    catalog = FakeCatalog(clip(n) for n in range(10))
    wanted = Filter(before=START + timedelta(minutes=5))
    first, cursor = page(catalog, wanted, limit=2)
    second, _ = page(catalog, wanted, limit=2, cursor=cursor)
    assert names(first + second) == [f"clip-00{n}.mp4" for n in (4, 3, 2, 1)]


@pytest.mark.parametrize("cursor", ["nonsense", "é", "a", listing.encode("#months#00"), "%00"])
def test_a_forged_cursor_is_rejected(cursor: str):
    with pytest.raises(BadInput, match="not valid") as rejected:
        page(FakeCatalog(), cursor=cursor)
    assert rejected.value.code == "invalid_cursor"


def test_the_oldest_come_first_if_asked_and_pages_follow_one_another():
    catalog = FakeCatalog(clip(n) for n in range(7))
    wanted = Filter(after=START + timedelta(minutes=1), before=START + timedelta(minutes=6))
    first, cursor = page(catalog, wanted, limit=3, oldest_first=True)
    rest, end = page(catalog, wanted, limit=3, oldest_first=True, cursor=cursor)
    assert names(first + rest) == [f"clip-00{n}.mp4" for n in range(1, 6)]
    assert end is None


def test_language_and_length_filter():
    def lasting(number: int, seconds: float | None, language: str) -> Video:
        source = upload(number)
        heard = done(source, "transcribe", summary={"language": language})
        probe = seconds and Probe(container="mov", duration_s=seconds, size_bytes=1)
        return video(source, heard, probe=probe or None)

    short, long = lasting(3, 10, "de"), lasting(2, 3600, "ger")
    catalog = FakeCatalog([short, long, lasting(1, None, "en")])
    assert page(catalog, Filter(language="de"))[0] == [short, long]
    assert page(catalog, Filter(shortest_s=60))[0] == [long]
    assert page(catalog, Filter(longest_s=60))[0] == [short]


@pytest.mark.parametrize("oldest_first", [True, False])
def test_a_rare_name_is_looked_up_and_a_common_one_is_compared(*, oldest_first: bool):
    rare = clip(0, key="videos/Beach holiday.mp4")
    catalog = FakeCatalog([rare, *(clip(n) for n in range(1, 50))])
    wanted = Filter(name="holi bea")
    assert page(catalog, wanted, oldest_first=oldest_first) == ([rare], None)
    read, catalog.read = catalog.read, 0
    catalog.named.found = [place(clip(3)), place(rare)]
    assert page(catalog, wanted, oldest_first=oldest_first) == ([rare], None)
    assert (read, catalog.read) == (50, 2)


def test_a_list_is_counted_where_that_needs_no_video():
    api = client(catalog=FakeCatalog(clip(n) for n in range(3)))
    assert api.get("/videos?count=true&limit=1").json()["total"] == 3
    assert api.get("/videos?count=true&status=ready").json()["total"] is None
    assert api.get("/videos").json()["total"] is None


def test_a_language_has_a_code():
    answer = client().get("/videos?language=much")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_language")


@pytest.mark.parametrize("oldest_first", [True, False])
def test_videos_of_a_name_come_in_order_and_page_by_page(*, oldest_first: bool):
    catalog = FakeCatalog(clip(n) for n in range(5))
    catalog.named.found = [place(clip(n)) for n in (1, 2, 4)]
    wanted = Filter(name="clip")
    first, cursor = page(catalog, wanted, limit=2, oldest_first=oldest_first)
    rest, end = page(catalog, wanted, limit=2, oldest_first=oldest_first, cursor=cursor)
    order = (1, 2, 4) if oldest_first else (4, 2, 1)
    assert names(first + rest) == [f"clip-00{n}.mp4" for n in order]
    assert end is None
