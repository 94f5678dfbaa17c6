import random

import pytest

from pipeline.stages.transcribe import windows

RULES = windows.Rules(threshold=0.5, keep=0.35, longest=100, margin=3, least=4, smooth=5)


def cut(scores, rules=RULES):
    return list(windows.cut(((i, score) for i, score in enumerate(scores)), rules))


def test_silence_gives_no_window():
    assert cut([0.1] * 500) == []


def test_speech_gives_one_window_with_a_margin_on_either_side():
    (window,) = cut([0.0] * 30 + [0.9] * 20 + [0.0] * 30)
    assert window.frames == window.places == list(range(27, 53))
    assert window.speech == [False] * 3 + [True] * 20 + [False] * 3


def test_speech_up_to_the_very_end_is_not_lost():
    (window,) = cut([0.0] * 30 + [0.9] * 20)
    assert window.frames[-1] == 49


def test_a_short_silence_stays_and_a_long_one_is_shortened_to_its_margins():
    (window,) = cut([0.9] * 20 + [0.0] * 6 + [0.9] * 20)
    assert window.frames == list(range(46))
    (window,) = cut([0.9] * 20 + [0.0] * 500 + [0.9] * 20)
    assert window.frames == [*range(23), *range(517, 540)]
    assert window.places == window.frames


def test_a_click_between_two_silences_is_left_out():
    (window,) = cut([0.9] * 20 + [0.0] * 30 + [0.9] * 3 + [0.0] * 30 + [0.9] * 20)
    assert not set(window.frames) & set(range(50, 53))
    assert len(window.frames) < 60


def test_a_part_of_a_window_keeps_its_places():
    (window,) = cut([0.0] * 30 + [0.9] * 20)
    part = window.part(2, 5)
    assert (part.places, part.frames, part.speech) == (
        [29, 30, 31],
        [29, 30, 31],
        [False, True, True],
    )


def test_a_click_is_not_speech():
    assert cut([0.0] * 30 + [0.9] * 3 + [0.0] * 30) == []


def test_a_dip_between_the_thresholds_does_not_interrupt():
    (window,) = cut([0.9] * 10 + [0.4] * 20 + [0.9] * 10)
    assert all(window.speech)
    assert cut([0.4] * 50) == []


def test_long_speech_is_cut_at_the_quietest_place_of_its_last_third():
    scores = [0.9] * 88 + [0.4] * 5 + [0.9] * 60
    first, second = cut(scores)
    assert first.frames[-1] + 1 == second.places[0] == 90


def test_long_speech_without_any_pause_is_cut_all_the_same():
    found = cut([0.9] * 350)
    assert all(len(window.frames) <= 100 for window in found)
    assert sum(len(window.frames) for window in found) == 350


@pytest.mark.parametrize("seed", range(25))
def test_windows_are_in_order_within_the_limit_and_have_all_longer_speech(seed):
    rng = random.Random(seed)  # noqa: S311 - seeded, for a test
    scores = []
    while len(scores) < 1500:
        scores += [rng.uniform(0.6, 1)] * rng.randint(1, 150)
        scores += [rng.uniform(0, 0.3)] * rng.randint(1, 40)
    found = cut(scores)
    inside = [index for window in found for index in window.frames]
    assert inside == sorted(set(inside))
    assert all(len(window.frames) <= RULES.longest for window in found)
    assert all(window.frames == window.places for window in found)
    missing = {i for i, score in enumerate(scores) if score >= RULES.threshold} - set(inside)
    runs = sum(i - 1 not in missing for i in missing)
    assert len(missing) <= runs * (RULES.least - 1)
