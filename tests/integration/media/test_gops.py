from contextlib import contextmanager

import pytest

from pipeline.media import ffmpeg, gops

from . import clips


@pytest.mark.parametrize(
    ("maker", "interval_s", "answer"),
    [
        (clips.plain, 2.0, True),
        (clips.plain, 1.9, False),
        (clips.plain, 1.95, True),  # a gap may be a little longer
        (clips.conforming, 1.6, True),
        (clips.long_gops, 2.0, False),
        (clips.long_gops, 9.0, True),  # one at the start is enough for one sample
        (clips.one_frame, 1.0, True),
        (clips.joined, 2.0, False),  # its clock jumps
        (clips.audio_only, 2.0, False),
    ],
)
def test_keyframes_come_at_least_so_often(source, maker, interval_s, answer):
    given = source(maker)
    assert gops.within(given.path, given.probe, interval_s) is answer


def read(monkeypatch):
    """Return a list that receives the lines of each process that ``gops`` starts from now on."""
    processes = []
    plain = ffmpeg.probing

    @contextmanager
    def probing(*given, **options):
        with plain(*given, **options) as child:
            processes.append(lines := [])
            every = child.lines
            child.lines = lambda: (lines.append(line) or line for line in every())
            yield child

    monkeypatch.setattr(ffmpeg, "probing", probing)
    return processes


def test_of_a_long_video_one_process_reads_little(source, monkeypatch):
    """It has a keyframe every 0.2 s for 120 s."""
    given = source(clips.long_and_dense)
    processes = read(monkeypatch)
    assert gops.within(given.path, given.probe, 0.5)
    (lines,) = processes
    times = [float(line.partition(",")[0]) for line in lines]
    assert len(times) < 1200 / 10
    assert min(times) < 1
    assert max(times) > 119


@pytest.mark.parametrize(
    ("maker", "begins_s"), [(clips.late_and_dense, 9.0), (clips.dense_from_the_minute, 60.0)]
)
def test_a_picture_may_begin_at_any_time(source, monkeypatch, maker, begins_s):
    given = source(maker)
    processes = read(monkeypatch)
    assert gops.within(given.path, given.probe, 0.5)
    times = [float(line.partition(",")[0]) for line in processes[0]]
    assert min(times) == pytest.approx(begins_s, abs=0.2)
    assert max(times) > begins_s + 28
    assert len(times) < 120


def test_keyframes_that_are_rare_at_the_end_are_noticed(source):
    given = source(clips.rare_at_the_end)
    assert not gops.within(given.path, given.probe, 0.5)
