import numpy as np
import pytest

from pipeline.stages.transcribe import cuts, vad, windows

RULES = windows.Rules(threshold=0.5, keep=0.35, longest=900, margin=15, least=7, smooth=18)
ALL = windows.Rules(threshold=0.0, keep=-0.15, longest=900, margin=15, least=7, smooth=18)


def levels(text):
    """Return levels in which each character is a frame: `#` voice, `-` a doubt, `.` silence."""
    return [({"#": 0.9, "-": 0.4, ".": 0.0}[one], 0.1) for one in text]


@pytest.mark.parametrize(
    ("duration", "ends"),
    [
        (0, []),
        (299, []),
        (449, []),
        (450, [300]),
        (600, [300]),
        (749.9, [300]),
        (751, [300, 600]),
        (10_800, list(range(300, 10_800, 300))),
    ],
)
def test_a_last_range_shorter_than_half_is_joined_with_the_one_before(duration, ends):
    assert cuts.boundaries(duration, 300) == ends


def test_the_cut_is_in_the_middle_of_the_longest_pause():
    assert cuts.quietest(levels("#####...####........#####....##"), RULES) == 16


def test_a_pause_that_reaches_the_end_counts():
    assert cuts.quietest(levels("#####...####........"), RULES) == 16
    assert cuts.quietest(levels("........####...#####"), RULES) == 4


def test_of_equal_pauses_the_nearest_to_the_boundary_is_taken():
    assert cuts.quietest(levels("#....########....###....########"), RULES) == 15


def test_a_doubt_within_speech_is_not_a_pause():
    assert cuts.quietest(levels("####------------###..####"), RULES) == 20


def test_without_a_voice_the_cut_is_at_the_boundary():
    assert cuts.quietest(levels("." * 625), RULES) == 312


def test_where_the_voice_never_pauses_the_cut_is_where_the_energy_is_least():
    loud = [(0.9, 1.0)] * 200
    loud[150:156] = [(0.9, 0.2)] * 6
    assert cuts.quietest(loud, RULES) == 153
    assert cuts.quietest([(0.0, level) for _, level in loud], ALL) == 153


def test_equal_energy_is_cut_at_the_boundary():
    assert cuts.quietest([(0.9, 1.0)] * 200, RULES) == 100


def test_a_cut_lies_between_two_frames_near_its_boundary(monkeypatch):
    """A range has the same frames as the whole sound."""
    asked = []

    def sound(start, end):
        asked.append((start, end))
        yield np.ones(round((end - start) * vad.RATE), np.float32)

    def scored(blocks):
        frames = [frame for block in blocks for frame in block]
        return ((frame, 0.9 if at < len(frames) - 20 else 0.0) for at, frame in enumerate(frames))

    monkeypatch.setattr(vad, "scored", scored)
    for boundary in (60, 61, 299, 300, 7000):
        cut = cuts.near(boundary, sound, RULES)
        start, end = asked.pop()
        assert boundary - cuts.NEAR_S - 1.1 <= start < end <= boundary + cuts.NEAR_S
        assert cut == pytest.approx(end - 10 * vad.FRAME_S)
        frame = cut * vad.RATE / vad.FRAME
        assert frame == pytest.approx(round(frame), abs=1e-6)


def test_a_sound_that_has_ended_is_cut_in_its_silence(monkeypatch):
    monkeypatch.setattr(vad, "scored", lambda blocks: ((f, 0.9) for b in blocks for f in b))
    voice = np.ones(5 * vad.RATE, np.float32)
    assert cuts.near(300, lambda *_: [voice], RULES) == pytest.approx(302, abs=0.1)
    assert cuts.near(300, lambda *_: [], RULES) == pytest.approx(300, abs=0.1)
