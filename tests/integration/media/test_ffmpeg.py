import os
import subprocess

import pytest

from pipeline.core.errors import (
    BadInput,
    LeaseLost,
    LimitExceeded,
    MissingDependency,
    OutOfMemory,
    TimedOut,
)
from pipeline.core.stage import Deadline
from pipeline.media import ffmpeg
from pipeline.media.process import Caps

from . import clips

PIXELS = 1920 * 1080


def endless():
    """Return a node that would run for minutes."""
    import ffmpeg as fluent  # noqa: PLC0415 - named like the module under test

    return fluent.input("testsrc2=size=1280x720", f="lavfi").output("pipe:", f="null")


def to_null(path, **options):
    return ffmpeg.source(path, max_pixels=PIXELS).output("-", format="null", **options)


@pytest.mark.parametrize("maker", [clips.playlist, clips.concat_script], ids=["hls", "concat"])
def test_scripts_that_name_other_files_are_not_followed(clip, maker):
    path = clip(maker)
    with pytest.raises(BadInput):
        ffmpeg.run(to_null(path))
    with ffmpeg.probing(path, "-show_format") as child:
        assert b"format_name" not in child.read(1000)
        with pytest.raises(BadInput):
            ffmpeg.judge(child)


def test_both_whitelists_are_on_every_input(clip):
    guard = ffmpeg.guarded(clip(clips.plain))
    assert guard["protocol_whitelist"] == "file"
    assert guard["filename"].startswith("file:/")
    risky = {"hls", "dash", "concat", "image2", "lavfi", "tee", "sdp", "rtsp", "imf", "svg_pipe"}
    assert not risky & set(guard["format_whitelist"].split(","))


def test_a_run_waits_for_no_key_has_its_share_of_the_cores_and_says_each_error(clip):
    given = ffmpeg.source(clip(clips.plain), max_pixels=PIXELS, threads=3)
    command = ffmpeg._argv(given.output("-", format="null"), 3)
    assert "-nostdin" in command
    for pool in ("-threads", "-filter_threads", "-filter_complex_threads"):
        assert command[command.index(pool) + 1] == "3"
    assert command[command.index("-loglevel") + 1].startswith("repeat+")


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "http:", tmp_path / "none"):
        with pytest.raises(BadInput, match="not_a_file"):
            ffmpeg.guarded(path)


def test_decode_errors_are_counted_although_ffmpeg_exits_0(clip):
    assert ffmpeg.run(to_null(clip(clips.flipped))).count > 10
    assert ffmpeg.run(to_null(clip(clips.plain))).count == 0


def test_the_version_is_that_which_ffmpeg_prints():
    said = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"ffmpeg version {ffmpeg.version()} Copyright")


def test_an_error_has_the_decoders_message_without_paths_and_addresses(clip):
    with pytest.raises(BadInput) as rejected:
        ffmpeg.run(to_null(clip(clips.truncated)))
    reason = rejected.value.message.partition("ffmpeg says: ")[2]
    assert reason == "file: Invalid data found when processing input"


def test_frames_above_the_limit_are_not_decoded(clip):
    small = ffmpeg.source(clip(clips.plain), max_pixels=64 * 64).output("-", format="null")
    with pytest.raises(BadInput):
        ffmpeg.run(small)


def test_the_deadline_ends_a_run():
    with pytest.raises(TimedOut):
        ffmpeg.run(endless(), progress=ffmpeg.Progress(Deadline(1), 60))


def test_the_deadline_ends_a_pipe_that_is_read():
    import ffmpeg as fluent  # noqa: PLC0415 - named like the module under test

    silent = fluent.input("testsrc2=rate=1", f="lavfi", re=None).output("pipe:1", f="rawvideo")
    with ffmpeg.pipe(silent, report=Deadline(1)) as child:
        while child.read(1 << 16):
            pass
        with pytest.raises(TimedOut):
            ffmpeg.judge(child)


def test_a_lost_lease_stops_the_run_at_once():
    class Lost(Deadline):
        def __call__(self, _):
            raise LeaseLost

    with pytest.raises(LeaseLost):
        ffmpeg.run(endless(), progress=ffmpeg.Progress(Lost(), 60))


def test_a_lost_lease_is_noticed_while_ffmpeg_is_silent(monkeypatch, tmp_path):
    mute = tmp_path / "ffmpeg"
    mute.write_text("#!/bin/sh\nexec sleep 60\n")
    mute.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    calls = []

    class LostLater(Deadline):
        def __call__(self, fraction):
            calls.append(fraction)
            if len(calls) == 2:
                raise LeaseLost

    with pytest.raises(LeaseLost):
        ffmpeg.run(endless(), progress=ffmpeg.Progress(LostLater(), 60))


def test_progress_rises_to_its_end(clip):
    heard = []
    progress = ffmpeg.Progress(Deadline(60, heard.append), 5.0, 0.2, 0.8)
    ffmpeg.run(to_null(clip(clips.plain)), progress=progress)
    assert heard == sorted(heard)
    assert 0.2 <= heard[0] <= heard[-1] <= 0.8
    assert heard[-1] > 0.75


def test_cpu_time_is_a_timeout():
    with pytest.raises(TimedOut, match="media_time"):
        ffmpeg.run(endless(), caps=Caps(cpu_s=1, wall_s=60))


def test_memory_is_out_of_memory(clip):
    source = ffmpeg.source(clip(clips.plain), max_pixels=PIXELS)
    huge = source.filter("scale", 7680, 4320).output("-", format="null")
    with pytest.raises(OutOfMemory):
        ffmpeg.run(huge, caps=Caps(memory_bytes=80 * 1024**2))


def test_output_size_is_limited(clip, tmp_path):
    target = tmp_path / "raw"
    node = ffmpeg.source(clip(clips.plain), max_pixels=PIXELS)["0"].output(
        str(target), format="rawvideo"
    )
    with pytest.raises(LimitExceeded, match="output_too_large"):
        ffmpeg.run(node, caps=Caps(file_bytes=1_000_000))
    assert target.stat().st_size <= 1_000_000


def test_the_error_for_a_missing_ffmpeg_says_how_to_install_it(clip, monkeypatch, tmp_path):
    path = clip(clips.plain)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency, match="apt-get install ffmpeg"):
        ffmpeg.run(to_null(path))


def test_messages_name_no_path_of_this_machine(clip):
    with pytest.raises(BadInput) as refusal:
        ffmpeg.run(to_null(clip(clips.noise)))
    assert str(clip(clips.noise)) not in refusal.value.message
    assert "0x" not in refusal.value.message


@pytest.mark.parametrize(
    ("pinned", "expected"), [("1", 1), ("99999", None), ("", None), ("x", None)]
)
def test_threads_are_the_pinned_share_of_the_cpus(monkeypatch, pinned, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", pinned)
    assert ffmpeg.thread_count() == (expected or len(os.sched_getaffinity(0)))
    assert ffmpeg.thread_count(3) == 3
