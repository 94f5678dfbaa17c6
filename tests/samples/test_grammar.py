# ruff: noqa: S311 - the same numbers each time are the point
"""Training and test data do not overlap."""

import random

import pytest

from samples import grammar, voices


@pytest.mark.parametrize("held_out", [True, False])
def test_sentences_come_from_the_requested_part(held_out):
    rng = random.Random(3)
    drawn = {grammar.sentence(rng, held_out=held_out) for _ in range(300)}
    assert len(drawn) > 200
    assert {grammar.is_held_out(text) for text in drawn} == {held_out}


def test_about_a_tenth_is_held_out():
    rng = random.Random(4)
    drawn = {grammar.sentence(rng, held_out=rng.random() < 0.5) for _ in range(4000)}
    rng = random.Random(5)
    everything = [form(rng) for form in (grammar.moving, grammar.meeting) for _ in range(4000)]
    share = sum(map(grammar.is_held_out, everything)) / len(everything)
    assert 0.08 < share < 0.12
    assert 0.3 < sum(map(grammar.is_held_out, drawn)) / len(drawn) < 0.7


def test_the_training_pool_has_no_held_out_sentence():
    from samples.models.training.windows import Pool  # noqa: PLC0415 - PyTorch, which takes seconds

    pool = Pool(random.Random(6), capacity=20, coded_share=0.0)
    pool.grow(30)
    heard = [pool.draw(random.Random(seed)) for seed in range(60)]
    assert not any(grammar.is_held_out(one.text) for one in heard)
    throats = {voice.partition("+")[2] for voice in voices.UNSEEN_VOICES}
    assert not throats & {one.voice.partition("+")[2] for one in heard}


def test_unseen_voices_are_not_training_voices():
    assert not {voice.partition("+")[2] for voice in voices.UNSEEN_VOICES} & set(voices.VARIANTS)
    assert voices.UNSEEN_ACCENT.partition("+")[0] not in voices.ACCENTS


def test_every_drawn_word_is_listed():
    rng = random.Random(7)
    drawn = " ".join(grammar.sentence(rng, held_out=True) for _ in range(500)).split()
    assert set(drawn) <= set(grammar.words())


@pytest.mark.parametrize(("verb", "said"), [("move", "moves"), ("fly", "flies"), ("spin", "spins")])
def test_verbs_agree(verb, said):
    assert grammar.third_person(verb) == said


def test_written_form():
    assert grammar.written("the red star spins up") == "The red star spins up."
    assert grammar.plural("cross") == "crosses"
    assert grammar.plural("square") == "squares"
