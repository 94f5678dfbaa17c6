"""Parts of a file, decoded by themselves, are those of one pass."""

from itertools import pairwise

import numpy as np
import pytest

from pipeline.media import audio, decoding
from pipeline.media.process import Complaints

from . import clips

# On the grid of keyframes, and between two frames.
CUTS = (0.0, 5.0, 6.0333, None)
PICTURES = (
    clips.long_plain,
    clips.long_fragmented,
    clips.long_matroska,
    clips.long_webm,
    clips.shifted,
    clips.long_vfr,
    clips.long_open_gop,
    clips.long_open_gop_matroska,
    clips.long_intra_refresh,
    clips.long_hevc,
    clips.long_late_sound,
    clips.long_transport,
)
# Without noise of the decoder's own.
EXACT = (
    clips.long_pcm,
    clips.long_pcm_matroska,
    clips.long_wave,
    clips.long_flac,
    clips.long_mp3,
    clips.long_mp3_varying,
    clips.long_ogg,
    clips.long_transport,
)
NOISY = (
    clips.long_plain,
    clips.long_fragmented,
    clips.long_matroska,
    clips.long_webm,
    clips.long_late_sound,
    clips.long_surround,
)


def frames(source, start_s=0.0, end_s=None, complaints=None, select="1"):
    return list(
        decoding.decoded(
            source.path,
            source.probe,
            select,
            size=(80, 44),
            report=None,
            threads=1,
            complaints=complaints,
            start_s=start_s,
            end_s=end_s,
        )
    )


def samples(source, start_s=0.0, end_s=None):
    chunks = audio.stream(
        source.path,
        source.probe.audio[0].index,
        alongside=source.probe.streams,
        container=source.probe.container,
        time_base=source.probe.audio[0].time_base,
        chunk_s=1.0,
        start_s=start_s,
        end_s=end_s,
    )
    return np.concatenate([np.zeros(0, np.float32), *chunks])


@pytest.mark.parametrize("maker", PICTURES)
def test_the_frames_of_parts_are_those_of_one_pass(source, maker):
    video = source(maker)
    heard = Complaints()
    whole = frames(video)
    parts = [one for cut in pairwise(CUTS) for one in frames(video, *cut, complaints=heard)]
    assert [one.time_s for one in parts] == [one.time_s for one in whole]
    assert all((a.image == b.image).all() for a, b in zip(parts, whole, strict=True))
    assert heard.count == 0


def joined(video):
    return np.concatenate([samples(video, *cut) for cut in pairwise(CUTS)])


@pytest.mark.parametrize("maker", EXACT)
def test_the_samples_of_parts_are_those_of_one_pass(source, maker):
    video = source(maker)
    parts, whole = joined(video), samples(video)
    assert len(parts) == len(whole)
    assert np.abs(parts - whole).max() < 1e-6


def lag(part, whole):
    """Return by how many samples ``part`` is later, to a 16th of a sample."""
    spectrum = np.fft.rfft(part) * np.conj(np.fft.rfft(whole))
    fine = np.fft.irfft(spectrum, 16 * len(part))
    at = int(np.argmax(fine))
    return (at if at < len(fine) // 2 else at - len(fine)) / 16


@pytest.mark.parametrize("maker", NOISY)
def test_the_samples_of_parts_are_where_those_of_one_pass_are(source, maker):
    video = source(maker)
    parts, whole = joined(video), samples(video)
    assert len(parts) == len(whole)
    compared = 0
    for start_s, end_s in pairwise(CUTS):
        first, last = (round(t * audio.SAMPLE_RATE) for t in (start_s, end_s or 9.0))
        one, same = parts[first:last], whole[first:last]
        if same.any():
            compared += 1
            assert lag(one, same) == 0
            assert np.square(one - same).mean() < 0.003 * np.square(same).mean()
    assert compared >= 2


def test_equal_arguments_give_equal_samples(source):
    video = source(clips.long_matroska)
    assert (samples(video, 5.5, 8.25) == samples(video, 5.5, 8.25)).all()


def test_a_part_with_nothing_in_it_is_no_error(source):
    video = source(clips.long_late_sound)
    assert frames(video, 100.0, 110.0) == []
    assert len(samples(video, 100.0, 110.0)) == 0
