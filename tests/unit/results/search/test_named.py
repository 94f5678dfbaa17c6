"""Videos by words of their names, from the search index."""

from collections.abc import Callable

import pytest

from pipeline.aws.catalog import named
from tests.fakes.library import Library


@pytest.fixture
def found() -> tuple[Library, Callable[[str], list[str] | None]]:
    library = Library()
    for name in ("Beach holiday.mp4", "holiday-2.mov", "talk.mp4"):
        library.say(library.upload(name), "the beach talk")
    library.upload("not yet.mp4")

    def names(text: str) -> list[str] | None:
        places = library.catalog.named.places(text)
        if places is None:
            return None
        uploads = [library.catalog.upload(place.rpartition("#")[2]) for place in places]
        return [one.name for one in uploads if one]

    return library, names


def test_words_of_a_name_find_its_video_and_what_is_said_does_not(found):
    _, names = found
    assert names("holi") == ["Beach holiday.mp4", "holiday-2.mov"]
    assert names("HOLIDAY bea") == ["Beach holiday.mp4"]
    assert names("talk") == ["talk.mp4"]
    assert names("zebra") == []


def test_a_video_without_a_result_is_found_by_its_whole_name(found):
    _, names = found
    assert names("not yet") == ["not yet.mp4"]
    assert names("not") == []


def test_too_many_videos_of_a_name_are_not_looked_up(found, monkeypatch):
    _, names = found
    assert names("h") is None  # too short to be looked up
    monkeypatch.setattr(named, "_MOST", 1)
    assert names("holiday") is None


def test_the_reads_do_not_depend_on_the_number_of_videos(found):
    library, names = found
    before = len(library.table.queries)
    assert names("holiday") is not None
    assert len(library.table.queries) - before <= 5
