import pytest

from pipeline.core.errors import BadInput
from pipeline.core.media_info import AudioStream
from pipeline.media import tracks


def track(index, language=None, **more):
    fields = {"codec": "aac", "channels": 2, "sample_rate": 48_000}
    return AudioStream(index=index, language=language, **fields | more)


GERMAN, FRENCH = track(1, "deu"), track(2, "fra", default=True)
ENGLISH = track(3, "eng", title="Director", commentary=True)
ALL = (GERMAN, FRENCH, ENGLISH)


@pytest.mark.parametrize(
    ("wanted", "language", "first"),
    [
        (None, None, FRENCH),  # the file's default
        (None, "de", GERMAN),
        (None, "es", FRENCH),
        (None, "en", ENGLISH),  # English is expected: only the commentary is English
        ("1", None, GERMAN),
        ("3", "de", ENGLISH),
        ("eng", None, ENGLISH),
        ("en-GB", "de", ENGLISH),
        ("DE", None, GERMAN),
    ],
)
def test_the_track_is_chosen_by_request_then_language_then_default(wanted, language, first):
    assert tracks.ordered(ALL, wanted, language)[0] == first
    assert len(tracks.ordered(ALL, wanted, language)) == 3


@pytest.mark.parametrize("flag", ["commentary", "described"])
def test_commentary_and_descriptions_are_not_preferred_even_as_default(flag):
    special, main = track(1, "eng", default=True, **{flag: True}), track(2, "eng")
    assert tracks.ordered((special, main))[0] == main
    assert tracks.ordered((special, main), "eng", "en")[0] == main


def test_a_track_without_a_language_is_preferred_to_one_in_another_language():
    assert tracks.ordered((FRENCH, track(5)), language="en")[0].index == 5


def test_without_any_flag_the_first_track_is_heard():
    assert tracks.ordered((track(4), track(5)))[0].index == 4
    assert tracks.ordered(()) == []


def test_a_number_that_the_file_lacks_is_rejected_with_those_that_it_has():
    with pytest.raises(BadInput, match="unknown_track") as refusal:
        tracks.ordered(ALL, "4")
    assert '1 (deu), 2 (fra), 3 (eng, "Director")' in str(refusal.value)


def test_a_choice_by_order_alone_is_told():
    (notice,) = tracks.guessed((track(4), track(5)), track(4), None)
    assert (notice.code, notice.level) == ("track_guessed", "info")
    assert "It also has 2: set" in notice.message
    assert tracks.guessed(ALL, FRENCH, None) == []
    assert tracks.guessed(ALL, GERMAN, "de") == []
    assert tracks.guessed((track(4),), track(4), None) == []


def test_a_language_that_the_file_lacks_is_a_warning():
    (notice,) = tracks.missing(ALL, "es")
    assert (notice.code, notice.level) == ("track_missing", "warning")
    assert tracks.missing(ALL, "ger") == []
    assert tracks.missing((track(1),), "es") == []  # it may be Spanish
    assert tracks.missing((), "es") == []
