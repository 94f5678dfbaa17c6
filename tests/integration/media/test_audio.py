from contextlib import contextmanager

import numpy as np
import pytest

from pipeline.core.errors import BadInput
from pipeline.media import audio, ffmpeg
from pipeline.media.process import Complaints

from . import clips


def samples(source, track=0, **options):
    return np.concatenate(
        list(audio.stream(source.path, source.probe.audio[track].index, **options))
    )


def onset_s(sound):
    return np.argmax(np.abs(sound) > 0.01) / audio.SAMPLE_RATE


def pitch_hz(sound):
    spectrum = np.abs(np.fft.rfft(sound))
    return np.argmax(spectrum) * audio.SAMPLE_RATE / len(sound)


def test_chunks_have_the_requested_length_and_the_last_has_the_rest(source):
    video = source(clips.plain)
    chunks = list(audio.stream(video.path, 1, chunk_s=2.0))
    assert [len(c) for c in chunks[:2]] == [32000, 32000]
    assert 16000 <= len(chunks[2]) < 17000
    assert all(c.dtype == np.float32 and c.ndim == 1 for c in chunks)


def test_a_late_start_is_silence_so_that_times_match_the_picture(source):
    sound = samples(source(clips.late_sound))
    assert onset_s(sound) == pytest.approx(1.5, abs=0.01)
    assert len(sound) / audio.SAMPLE_RATE == pytest.approx(4.0, abs=0.05)


def test_a_late_start_counts_in_a_transport_stream_as_well(source):
    video = source(clips.late_sound_ts)
    sound = samples(video, alongside=video.probe.streams)
    assert onset_s(sound) == pytest.approx(1.5, abs=0.01)


def test_sound_that_starts_before_the_picture_keeps_its_place(source):
    assert onset_s(samples(source(clips.late_picture))) < 0.01


def test_a_gap_is_filled_with_silence(source):
    sound = samples(source(clips.gap))
    assert len(sound) / audio.SAMPLE_RATE == pytest.approx(6.0, abs=0.1)
    assert np.abs(sound[int(2.3 * 16000) : int(3.7 * 16000)]).max() < 0.01
    assert np.abs(sound[int(4.3 * 16000) : int(5.5 * 16000)]).max() > 0.05


def test_the_requested_track_is_decoded(source):
    video = source(clips.two_languages)
    assert pitch_hz(samples(video, 0)) == pytest.approx(440, abs=5)
    assert pitch_hz(samples(video, 1)) == pytest.approx(880, abs=5)


def test_damage_is_reported(source):
    complaints = Complaints()
    samples(source(clips.flipped), complaints=complaints)
    assert complaints.count > 0


def test_a_track_without_audio_is_rejected(source):
    with pytest.raises(BadInput):
        list(audio.stream(source(clips.silent).path, 0))


def level_db(sound):
    return 20 * np.log10(np.sqrt(np.mean(np.square(sound))) + 1e-9)


def test_a_channel_inverted_against_the_other_is_heard(source):
    """It was silence: the sum of both channels."""
    plain, inverted = samples(source(clips.plain)), samples(source(clips.inverted))
    assert level_db(inverted) == pytest.approx(level_db(plain), abs=0.5)
    assert pitch_hz(inverted) == pytest.approx(440, abs=5)


def test_mono_and_stereo_of_the_same_sound_are_equally_loud(source):
    stereo = samples(source(clips.equal_channels))
    assert level_db(stereo) == pytest.approx(level_db(samples(source(clips.plain))), abs=0.2)


def test_all_channels_without_a_layout_are_heard(source):
    """Of three channels the third was taken for low-frequency effects."""
    video = source(clips.third_channel)
    assert video.probe.audio[0].layout is None
    assert level_db(samples(video)) < -60
    assert level_db(samples(video, discrete=3)) > -30


def test_errors_that_ffmpeg_reports_late_count_for_a_part(source, monkeypatch):
    """Its error lines have a pipe of their own, which may be read after the last sample."""
    given = source(clips.plain)
    start = ffmpeg.pipe

    @contextmanager
    def late(*arguments, **options):
        with start(*arguments, **options) as child:
            yield child
        child.complaints.add("late")

    monkeypatch.setattr(ffmpeg, "pipe", late)
    heard = Complaints()
    samples(given, chunk_s=1.0, end_s=2.0, complaints=heard)
    assert str(heard) == "late"
