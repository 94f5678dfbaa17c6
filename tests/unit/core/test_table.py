from datetime import UTC, datetime, timedelta, timezone

from pipeline.catalog.table import epoch_key, iso


def test_times_sort_as_strings_whatever_their_zone():
    early = datetime(2024, 1, 1, 23, 30, tzinfo=timezone(timedelta(hours=2)))
    late = datetime(2024, 1, 1, 22, 0, 0, 5000, tzinfo=UTC)
    assert iso(early) == "2024-01-01T21:30:00.000Z"
    assert iso(early) < iso(late) == "2024-01-01T22:00:00.005Z"


def test_epoch_seconds_sort_as_strings():
    moments = [0, 9.5, 10, 999_999_999.999, 1_732_000_000.25, 1_732_000_000.3]
    assert [epoch_key(m) for m in moments] == sorted(epoch_key(m) for m in moments)
    assert all(float(epoch_key(m)) == m for m in moments)
