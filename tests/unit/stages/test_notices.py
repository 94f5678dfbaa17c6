"""The notice about demonstration models."""

from pathlib import Path

from pipeline.stages import notices
from pipeline.stages.models.weights import Weights


def test_a_demonstration_model_says_what_it_knows_and_how_to_get_a_real_one():
    weights = Weights("x", Path("x"), "0", "sample", "torch", "speech", "116 English words")
    (notice,) = notices.demo(weights)
    assert (notice.code, notice.level) == ("demo_model", "info")
    assert "knows 116 English words" in notice.message
    assert "videodrop models fetch" in notice.message


def test_a_real_model_needs_no_notice():
    assert notices.demo(Weights("x", Path("x"), "0", "official", "torch", "speech")) == []
