import pytest

from pipeline.media import sections


@pytest.mark.parametrize(
    ("fps", "length_s"), [(30, 10), (2, 10), (0.5, 10), (0.3, 17), (0.05, 100)]
)
def test_a_section_has_some_frames_even_at_low_rates(fps, length_s):
    assert sections.length_s(fps) == length_s


def test_a_section_begins_with_its_first_moment():
    assert [sections.number(time_s, 2) for time_s in (0, 9.999999, 10.0, 19.999999, 20.0)] == [
        0, 0, 1, 1, 2,
    ]  # fmt: skip
