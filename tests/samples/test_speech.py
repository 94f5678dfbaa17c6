"""Word times match the sound."""

import numpy as np
import pytest

from samples import speech, voices
from samples.speech import Manner


def test_words_follow_each_other_and_fill_the_sound():
    one = speech.speak("the blue ring passes a white cross", "en-us", Manner())
    assert [word.text for word in one.words] == one.text.split()
    assert one.words[0].start == 0.0
    for word, following in zip(one.words, one.words[1:], strict=False):
        assert word.start < word.end == following.start
    assert one.words[-1].end == pytest.approx(one.seconds, abs=0.01)


def test_a_word_starts_where_its_sound_does():
    """The hiss of 'star' (an s after a closed d) has its energy above 4 kHz."""
    one = speech.speak("red star", "en-us", Manner(rate=130), sample_rate=22_050)
    start = int(one.words[1].start * one.sample_rate)
    window = int(0.05 * one.sample_rate)

    def hiss(at: int) -> float:
        spectrum = np.abs(np.fft.rfft(one.audio[at : at + window])) ** 2
        return float(spectrum[int(4000 * 0.05) :].sum())

    assert hiss(start + window // 2) > 10 * hiss(start - 2 * window)


def test_rates():
    slow = speech.speak("the blue ring stops", "en-us", Manner(rate=120))
    fast = speech.speak("the blue ring stops", "en-us", Manner(rate=200))
    fine = speech.speak("the blue ring stops", "en-us", Manner(rate=120), 22_050)
    assert slow.seconds > 1.3 * fast.seconds
    assert fine.seconds == pytest.approx(slow.seconds, abs=0.001)


def test_unknown_voices_are_rejected():
    with pytest.raises(ValueError, match="no voice 'martian'"):
        speech.speak("one", "martian", Manner())


@pytest.mark.parametrize("voice", [*voices.UNSEEN_VOICES, voices.UNSEEN_ACCENT])
def test_unseen_voices_speak(voice):
    assert speech.speak("count one two three", voice, Manner()).seconds > 0.5


def test_resampling_keeps_a_tone():
    time = np.arange(22_050) / 22_050
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    resampled = speech.resample(tone, 22_050, 16_000)
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert len(resampled) == 16_000
    assert np.abs(resampled - expected).max() < 0.01
