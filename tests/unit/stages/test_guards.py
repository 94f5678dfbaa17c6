import pytest

from pipeline.stages.transcribe import guards
from pipeline.stages.transcribe.transcript import Segment, Word

FRAME_S = 0.1


def segment(*words, start=0.0, timed=True):
    """Return a segment of half-second words."""
    spoken = [
        Word(text=f" {text}", start=start + i / 2, end=start + i / 2 + 0.5, probability=0.8)
        for i, text in enumerate(words)
    ]
    return Segment(
        text=" ".join(words),
        start=start,
        end=start + len(words) / 2,
        probability=0.8,
        words=spoken if timed else [],
    )


def flags(*runs):
    """Return voice flags from (seconds, voice) pairs."""
    return [voice for seconds, voice in runs for _ in range(round(seconds / FRAME_S))]


def test_words_without_a_voice_are_removed():
    said = segment("hello", "there", "thanks", "for", "watching", "bye")
    (kept,) = guards.voiced([said], flags((1.0, True), (5, False)), FRAME_S)
    assert kept.text == "hello there thanks"  # the last one is within the slack of its estimate
    assert kept.end == pytest.approx(1.1)  # it is shortened to the voice


def test_a_segment_in_silence_is_removed_with_or_without_word_times():
    speech = flags((1.0, True), (9, False))
    for timed in (True, False):
        said = [segment("yes", timed=timed), segment("thanks", start=5, timed=timed)]
        assert [one.text for one in guards.voiced(said, speech, FRAME_S)] == ["yes"]


def test_a_word_stretched_over_the_silence_before_it_begins_with_the_voice():
    said = Segment(
        text="hello",
        start=0,
        end=3,
        probability=1,
        words=[Word(text=" hello", start=0, end=3, probability=1)],
    )
    (kept,) = guards.voiced([said], flags((2.0, False), (2, True)), FRAME_S)
    assert kept.words[0].start == 1.9
    assert kept.start == 1.9


def test_a_phrase_in_a_loop_without_a_voice_is_kept_once():
    said = [
        segment("go", *["on", "and"] * 30, "stop"),
        segment(*["on", "and"] * 10, "end", start=31),
    ]
    first, second = guards.without_loops(said, flags((1.5, True), (41, False)), FRAME_S)
    assert first.text == "go on and stop"
    assert second.text == "on and end"
    assert first.end == said[0].words[-1].end


def test_a_loop_without_word_times_is_cut_as_well():
    said = segment(*["thank", "you"] * 40, timed=False)
    (kept,) = guards.without_loops([said], flags((1.0, True), (39, False)), FRAME_S)
    assert kept.text == "thank you"
    assert kept.words == []


def test_a_segment_that_only_continues_a_loop_is_removed():
    said = [segment(*["you"] * 40), segment(*["you"] * 10, start=20)]
    kept = guards.without_loops(said, flags((0.5, True), (25, False)), FRAME_S)
    assert [one.text for one in kept] == ["you"]


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("times", [4, 6, 20])
def test_a_sentence_that_is_spoken_again_and_again_stays(times, timed):
    sentence = ("please", "close", "the", "green", "door", "behind", "you.")
    said = [segment(*sentence, start=4 * n, timed=timed) for n in range(times)]
    speech = flags(*[(3.5, True), (0.5, False)] * times)
    assert guards.without_loops(said, speech, FRAME_S) == said


def test_rounds_that_follow_the_spoken_ones_in_silence_are_removed():
    sentence = ("please", "close", "the", "door.")
    said = [segment(*sentence, start=2 * n) for n in range(12)]
    speech = flags(*[(2.0, True)] * 5, (14.0, False))
    kept = guards.without_loops(said, speech, FRAME_S)
    assert kept == said[:5]


def test_rounds_faster_than_anyone_speaks_are_removed():
    spoken = [
        Word(text=text, start=at / 50, end=(at + 1) / 50, probability=0.8)
        for at, text in enumerate([" thank", " you"] * 100)
    ]
    said = segment(*["thank", "you"] * 100).model_copy(update={"words": spoken})
    (kept,) = guards.without_loops([said], flags((4.0, True)), FRAME_S)
    assert len(kept.words) <= 2 * (4.0 * guards.FASTEST / len(" thank you") + 1)


def test_ordinary_repetition_is_unchanged():
    said = [
        segment(
            *[
                "no",
                "no",
                "no",
                "no",
                "no",
                "I",
                "will",
                "count",
                "one",
                "two",
                "three",
                "and",
                "four",
                "and",
                "wait",
            ]
        )
    ]
    assert guards.without_loops(said, flags((8, True)), FRAME_S) == said


def test_no_text_is_valid():
    assert guards.without_loops([], [], FRAME_S) == []
    assert guards.voiced([], [], FRAME_S) == []
