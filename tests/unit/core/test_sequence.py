from datetime import UTC, datetime, timedelta

import pytest

from pipeline.core import sequence

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_sequencers_of_s3_are_padded_on_the_right():
    short, long = sequence.of("0055AE", NOON, ""), sequence.of("0055AED6DCD90281E5", NOON, "")
    assert (len(short), len(long)) == (40, 40)
    assert short < long


@pytest.mark.parametrize(
    "later", [timedelta(microseconds=1), timedelta(seconds=1), timedelta(days=3000)]
)
def test_a_later_time_comes_later_whatever_the_version(later):
    assert sequence.of(None, NOON, "zzz") < sequence.of(None, NOON + later, "aaa")


def test_equal_events_have_one_place_and_others_of_that_instant_another():
    assert sequence.of(None, NOON, "a") == sequence.of(None, NOON, "a")
    assert sequence.of(None, NOON, "a") != sequence.of(None, NOON, "b")


def test_a_store_may_begin_to_send_sequencers():
    """S3's begin with the seconds since 1970, here those of a minute later."""
    theirs = f"00{int(NOON.timestamp()) + 60:08X}D90281E5"
    assert sequence.of(None, NOON, "a") < sequence.of(theirs, NOON, "a")


def test_the_place_after_another_is_above_it_and_of_its_form():
    place = sequence.of(None, NOON, "a")
    assert place < sequence.after(place) < sequence.of(None, NOON + timedelta(seconds=1), "a")
    assert len(sequence.after(place)) == len(place)
    assert sequence.after("00FF") == "0100"
