"""The benchmarks' speech has known words, at known times."""

from itertools import pairwise

import numpy as np

from benchmarks import talk
from samples.speech import SAMPLE_RATE


def loudness(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def test_the_words_are_those_of_the_sentences():
    spoken = talk.talk(12).words
    text = " ".join(talk.sentences()).split()
    assert [word.text.strip(".,").lower() for word in spoken] == [
        word.strip(",").lower() for word in text[: len(spoken)]
    ]
    assert all(a.start < b.start and a.end <= b.end for a, b in pairwise(spoken))


def test_a_word_sounds_where_it_is_said_to_be():
    found = talk.talk(12)
    first = found.words[0]
    before = found.audio[: int(first.start * SAMPLE_RATE) - 800]
    during = found.audio[int(first.start * SAMPLE_RATE) : int(first.end * SAMPLE_RATE)]
    assert loudness(during) > 20 * loudness(before)


def test_half_silent_speech_is_silent_in_every_second_block():
    found = talk.talk(32, half_silent=True)
    assert loudness(found.audio[15 * SAMPLE_RATE : 30 * SAMPLE_RATE]) < 0.001
    assert loudness(found.audio[: 15 * SAMPLE_RATE]) > 0.01
    assert all(word.end <= 15 or word.start >= 30 for word in found.words)


def test_words_survive_a_file(tmp_path):
    found = talk.talk(8)
    found.write(tmp_path / "speech.wav")
    read = talk.read_words(talk.words_path(tmp_path / "speech.wav"))
    assert [word.text for word in read] == [word.text for word in found.words]
