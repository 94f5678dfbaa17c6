"""The notices that several stages share."""

from pathlib import Path

from pipeline.core.media_info import Probe
from pipeline.media.process import Complaints
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


def test_a_hole_in_the_sound_is_told_with_its_times():
    heard = Probe(container="mpegts", duration_s=9, size_bytes=1)
    assert notices.of_media(heard, Complaints()) == []
    heard = heard.model_copy(update={"hole": (2.98, 6.02)})
    (notice,) = notices.of_media(heard, Complaints())
    assert (notice.code, notice.level) == ("hole_in_sound", "warning")
    assert "from 3.0 s to 6.0 s" in notice.message
