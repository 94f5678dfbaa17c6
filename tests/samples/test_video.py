# ruff: noqa: S311 - the same numbers each time are the point
"""Videos match their ground truth, and long ones need little memory."""

import json
import random
import subprocess
from collections.abc import Iterator

import pytest

from samples.generate import long_shots
from samples.scenes import Shot, ShotSpec, Size, shot
from samples.video import Coding, truth_path, write


def shots() -> Iterator[Shot]:
    for seed in (1, 2):
        yield shot(ShotSpec(Size(160, 96), 4.2, actors=(2, 3), voice="en-us"), random.Random(seed))


def ffprobe(path, *arguments):
    command = ["ffprobe", "-v", "error", "-of", "json", *arguments, str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "two.mp4"
    write(shots(), path)
    return path


def test_streams(video):
    found = ffprobe(video, "-show_streams", "-show_format")
    assert [stream["codec_name"] for stream in found["streams"]] == ["h264", "aac"]
    assert found["streams"][0]["pix_fmt"] == "yuv420p"
    assert float(found["streams"][0]["duration"]) == pytest.approx(8.4, abs=0.01)
    assert not {"creation_time", "encoder"} & set(found["format"].get("tags", {}))


def test_a_keyframe_every_two_seconds(video):
    found = ffprobe(video, "-select_streams", "v", "-skip_frame", "nokey", "-show_frames")
    times = [float(frame["pts_time"]) for frame in found["frames"]]
    assert times == pytest.approx([0, 2, 4, 6, 8])


def test_truth(video):
    truth = json.loads(truth_path(video).read_text())
    assert (truth["width"], truth["height"], truth["fps"]) == (160, 96, 15)
    first, second = shots()
    assert truth["seconds"] == pytest.approx(first.seconds + second.seconds, abs=0.001)
    # The first frame of each half second, even if half a second is not a whole number of frames.
    assert [frame["frame"] for frame in truth["frames"]][:6] == [0, 8, 15, 23, 30, 38]
    assert truth["frames"][10]["time"] == 5.0
    objects = truth["frames"][10]["objects"]
    seen = second.seen(5 * 15 - first.count)
    assert [one["label"] for one in objects] == [one.shape for one in seen]
    assert objects[0]["box"] == pytest.approx(seen[0].box.edges, abs=0.01)
    said = [word for one in (first, second) for line in one.lines for word in line.words]
    assert [word["word"] for word in truth["words"]] == [word.text for word in said]
    assert [word["start"] for word in truth["words"]][-1] > first.seconds


def test_a_second_run_gives_the_same_truth(video, tmp_path):
    """Words are within 20 ms: espeak-ng's voices vary slightly by design."""
    write(shots(), tmp_path / "again.mp4")
    old, new = (
        json.loads(truth_path(path).read_text()) for path in (video, tmp_path / "again.mp4")
    )
    assert [one["text"] for one in old["sentences"]] == [one["text"] for one in new["sentences"]]
    assert [one["start"] for one in old["words"]] == pytest.approx(
        [one["start"] for one in new["words"]], abs=0.02
    )
    assert len(old["frames"]) == len(new["frames"])
    assert old["frames"][0] == new["frames"][0]


def test_a_silent_video_has_no_audio_track_and_no_words(tmp_path):
    path = tmp_path / "silent.mp4"
    truth = write(shots(), path, Coding(kilobits=0))
    assert [s["codec_name"] for s in ffprobe(path, "-show_streams")["streams"]] == ["h264"]
    assert truth.words == truth.sentences == []
    assert {one.suffix for one in tmp_path.iterdir()} == {".mp4", ".json"}


def test_a_failure_of_ffmpeg_is_reported(tmp_path):
    with pytest.raises((subprocess.CalledProcessError, BrokenPipeError)):
        write(shots(), tmp_path / "no.mp4", Coding(preset="no such preset", kilobits=0))


def test_long_videos_are_made_shot_by_shot():
    coming = long_shots(3600 * 10)
    assert next(coming).seconds == 20  # and not the work of ten hours
    assert sum(one.seconds for one in long_shots(25, Size(64, 64))) == 25
