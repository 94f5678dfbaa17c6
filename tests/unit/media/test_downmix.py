import numpy as np
import pytest

from pipeline.media.downmix import Downmix

RATE = 16_000
RNG = np.random.default_rng(1)
SPEECH = np.convolve(RNG.standard_normal(RATE * 2), np.ones(8) / 8, "same").astype(np.float32) * 0.1
SILENCE = np.zeros_like(SPEECH)


def rms_db(sound):
    return 20 * np.log10(np.sqrt(np.mean(np.square(sound))))


def mixed(*channels):
    return Downmix().mix(np.stack(channels, axis=1).astype(np.float32))


def stereo(left, right):
    return mixed(left, right, SILENCE, SILENCE, SILENCE)


@pytest.mark.parametrize(
    ("left", "right", "level_db"),
    [
        (SPEECH, SPEECH, 0),
        (SPEECH, -SPEECH, 0),
        (SPEECH, -0.8 * SPEECH, -0.86),
        (SPEECH, SILENCE, -3.01),
        (SILENCE, SPEECH, -3.01),
    ],
)
def test_the_energy_of_both_channels_is_kept_whatever_their_signs(left, right, level_db):
    assert rms_db(stereo(left, right)) - rms_db(SPEECH) == pytest.approx(level_db, abs=0.1)


def test_an_inverted_channel_leaves_the_sound_as_it_is():
    noise = 0.001 * RNG.standard_normal(len(SPEECH))
    heard = stereo(SPEECH, -SPEECH + noise)
    assert abs(np.corrcoef(heard, SPEECH)[0, 1]) > 0.99


def test_inverted_speech_is_heard_beside_hum_that_is_not_inverted():
    hum = 0.2 * np.sin(2 * np.pi * 50 * np.arange(len(SPEECH)) / RATE)
    heard = stereo(SPEECH + hum, -SPEECH + hum)
    assert rms_db(heard - hum) - rms_db(SPEECH) > -3


def test_one_channel_and_equal_channels_are_not_changed():
    assert np.array_equal(mixed(SILENCE, SILENCE, SPEECH, SILENCE, SILENCE), SPEECH)
    assert np.array_equal(stereo(SPEECH, SPEECH), SPEECH)
    assert not stereo(SILENCE, SILENCE).any()


def test_nearly_equal_channels_give_their_mean():
    other = SPEECH * np.float32(0.999)
    assert np.abs(stereo(SPEECH, other) - (SPEECH + other) / 2).max() < 1e-4


def test_two_speakers_on_two_channels_are_both_heard():
    first, second = SPEECH.copy(), SPEECH.copy()
    first[RATE:], second[:RATE] = 0, 0
    heard = stereo(first, -second)
    assert rms_db(heard[RATE:]) == pytest.approx(rms_db(heard[:RATE]), abs=1)


def test_channels_without_a_layout_are_all_heard():
    sixth = np.zeros((len(SPEECH), 6), np.float32)
    sixth[:, 5] = SPEECH
    heard = Downmix((0.5,) * 6).mix(sixth)
    assert rms_db(heard) - rms_db(SPEECH) == pytest.approx(-3, abs=0.1)
