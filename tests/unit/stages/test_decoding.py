import pytest

from pipeline.stages.transcribe.decoding import Decoded

SENTENCE = "Please close the green door behind you. "


def decoded(text, *, parts=(), seconds=20.0, logprob=-0.2, ended=True):
    return Decoded([], text, parts, logprob, silence=0.0, seconds=seconds, ended=ended)


@pytest.mark.parametrize("times", [4, 6, 8])
def test_a_sentence_repeated_at_the_pace_of_speech_is_no_loop(times):
    again = decoded(SENTENCE * times, parts=[SENTENCE] * times)
    assert not again.loops
    assert again.is_good
    assert again.better(decoded("Please close the door.", logprob=-0.3)) is again


@pytest.mark.parametrize(
    "loop",
    [
        decoded(SENTENCE * 8, seconds=5.0),  # faster than anyone speaks
        decoded("Thank you. " * 6, seconds=30.0),  # most of the window is left out
        decoded(SENTENCE * 8, ended=False),  # up to the longest length
        decoded("who is the one " * 13, parts=["who is the one " * 13]),  # without a pause
    ],
)
def test_other_repetition_is_a_loop_and_another_attempt_is_better(loop):
    other = decoded("Somebody speaks of doors.", logprob=-0.9)
    assert loop.loops
    assert not loop.is_good
    assert loop.better(other) is other


def test_improbable_text_gets_another_attempt():
    assert not decoded("Door.", logprob=-1.1).is_good
