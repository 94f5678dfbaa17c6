import numpy as np
import pytest

from pipeline.stages.thumbnail import waveform
from pipeline.stages.thumbnail.waveform import Levels

RATE = 1000


def tone(seconds, level):
    return (level * np.sin(np.arange(int(seconds * RATE)) * 2 * np.pi / 20)).astype(np.float32)


SOUND = np.concatenate([tone(1, 0.0), tone(1, 0.5), tone(1, 1.0), tone(1, 0.25)])


@pytest.mark.parametrize("size", [7, 999, 1000, 4000])
def test_levels_do_not_depend_on_the_chunks(size):
    chunks = [SOUND[at : at + size] for at in range(0, len(SOUND), size)]
    levels = waveform.measure(chunks, len(SOUND), 4)
    assert levels.peak == pytest.approx([0, 0.5, 1, 0.25], abs=0.01)
    assert levels.rms == pytest.approx([0, 0.354, 0.707, 0.177], abs=0.01)


@pytest.mark.parametrize("samples", [0, 2000, 4000, 8000])
def test_a_sound_longer_or_shorter_than_expected_is_measured(samples):
    levels = waveform.measure([SOUND], samples, 4)
    assert levels.peak.max() == pytest.approx(1, abs=0.01)
    assert np.isfinite(levels.rms).all()


def test_fewer_parts_keep_the_peaks():
    levels = Levels(np.array([0.1, 0.9, 0.2, 0.3, 0.4]), np.array([0.1, 0.2, 0.1, 0.1, 0.3]))
    assert levels.parts(2).peak.tolist() == [0.9, 0.4]
    assert levels.parts(9).peak.tolist() == levels.peak.tolist()


def heights(image):
    """Return the number of pixels drawn in each column."""
    return (np.asarray(image)[:, :, 3] > 0).sum(axis=0)


def test_the_strip_shows_where_it_is_loud():
    drawn = heights(waveform.strip(waveform.measure([SOUND], len(SOUND), 400), 100))
    quiet, middle, loud, soft = (drawn[n * 100 + 50] for n in range(4))
    assert quiet <= 2
    assert middle == pytest.approx(loud / 2, abs=3)
    assert soft == pytest.approx(loud / 4, abs=3)
    assert loud == pytest.approx(94, abs=3)


def test_a_quiet_recording_is_seen_and_silence_is_a_line():
    faint = waveform.strip(waveform.measure([SOUND / 50], len(SOUND), 400), 100)
    assert heights(faint).max() > 80
    silent = waveform.strip(waveform.measure([SOUND * 0], len(SOUND), 400), 100)
    assert heights(silent).max() <= 2


def test_the_poster_has_the_shape_of_a_video():
    image = waveform.poster(waveform.measure([SOUND], len(SOUND), 400), 640)
    assert image.size == (640, 360)
    assert len(set(map(tuple, np.asarray(image).reshape(-1, 3)))) == 3
