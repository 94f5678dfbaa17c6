"""The main job: upload a video and get every result."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import webvtt

from pipeline.core import events
from tests.e2e.conftest import SAMPLES, Stack
from tests.fakes.playlists import check_ladder

pytestmark = pytest.mark.models

Videos = dict[str, dict[str, Any]]


def _stage(video: dict[str, Any], name: str) -> dict[str, Any]:
    return next(stage for stage in video["stages"] if stage["stage"] == name)


def _warnings(video: dict[str, Any]) -> set[str]:
    notices = (notice for stage in video["stages"] for notice in stage["warnings"])
    return {notice["code"] for notice in notices if notice["level"] == "warning"}


def _ended(stack: Stack, video_id: str) -> dict[str, Any]:
    """Return a video once nothing works on it."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = stack.get(f"/videos/{video_id}").json()
        if found.get("status") not in {None, 404, "processing"}:
            return dict(found)
        time.sleep(0.3)
    raise AssertionError(found)


def _url(video: dict[str, Any], role: str) -> str:
    return next(
        one["url"] for stage in video["stages"] for one in stage["artifacts"] if one["role"] == role
    )


def test_every_sample_ends_ready_or_with_a_correct_warning(samples: Videos) -> None:
    assert {name: video["status"] for name, video in samples.items()} == {
        "landscape.mp4": "ready",
        "portrait.mp4": "ready",
        "silent.mp4": "ready_with_warnings",
        "speech-only.mp4": "ready",
    }
    assert _warnings(samples["silent.mp4"]) == {"no_audio"}
    assert samples["speech-only.mp4"]["labels"] == []


def test_every_result_names_its_model_and_the_models_sha256(samples: Videos) -> None:
    for video in samples.values():
        for stage in ("transcribe", "detect"):
            models = _stage(video, stage)["models"]
            assert models["model"].endswith("-shapes")
            assert len(models["sha256"]) == 64


def test_every_result_of_a_demonstration_model_says_so(samples: Videos) -> None:
    for video in samples.values():
        said = [notice["code"] for notice in _stage(video, "detect")["warnings"]]
        assert said == ["demo_model"]


def test_the_ladder_plays_through_the_api(stack: Stack, samples: Videos, tmp_path: Path) -> None:
    for name in ("landscape.mp4", "portrait.mp4"):
        video = samples[name]
        master = stack.file.api_url + video["links"]["playlist"]
        check_ladder(master, duration_s=video["duration_s"], work=tmp_path)


def test_captions_parse_and_have_the_spoken_words(samples: Videos, stack: Stack) -> None:
    video = samples["landscape.mp4"]
    answer = stack.get(f"/videos/{video['video_id']}/transcript", format="vtt")
    captions = webvtt.from_string(answer.text)
    assert len(captions) > 1
    words = " ".join(caption.text for caption in captions).lower().split()
    assert len(words) > 10


def test_no_log_has_what_was_said(samples: Videos, stack: Stack) -> None:
    logs = [log.read_text(errors="replace").lower() for log in stack.home.parent.rglob("*.log")]
    assert any(logs)
    for video in samples.values():
        answer = stack.get(f"/videos/{video['video_id']}/transcript").json()
        said = [one["text"].strip().lower() for one in answer.get("segments", [])]
        assert not [text for text in said if text and any(text in log for log in logs)]


def test_objects_are_found_by_one_call(samples: Videos, stack: Stack) -> None:
    video = samples["landscape.mp4"]
    label = video["labels"][0]
    found = stack.get(
        f"/videos/{video['video_id']}/detections", label=label, min_confidence=0.3
    ).json()
    boxes = [one for frame in found["frames"] for one in frame["objects"]]
    assert boxes
    assert {one["label"] for one in boxes} == {label}
    listed = stack.get("/videos", label=label).json()["videos"]
    assert video["video_id"] in [one["video_id"] for one in listed]


def test_poster_and_storyboard_can_be_downloaded(stack: Stack, samples: Videos) -> None:
    for video in samples.values():
        for role in ("poster", "storyboard_vtt"):
            answer = httpx.get(stack.file.api_url + _url(video, role), trust_env=False)
            assert answer.is_success
            assert answer.content


def test_the_command_line_shows_the_same_as_rest(stack: Stack, samples: Videos) -> None:
    shown = json.loads(stack.cli("show", "landscape.mp4", "--json").stdout)
    assert shown["status"] == samples["landscape.mp4"]["status"]
    assert stack.cli("transcript", "landscape.mp4").stdout.strip()
    assert samples["landscape.mp4"]["labels"][0] in stack.cli("objects", "landscape.mp4").stdout
    assert "landscape.mp4" in stack.cli("ls").stdout
    assert stack.cli("show", "nothing.mp4", check=False).returncode == 3


def test_the_same_bytes_under_another_key_compute_nothing(stack: Stack, samples: Videos) -> None:
    before = samples["silent.mp4"]
    again = stack.add(SAMPLES / "silent.mp4")["silent.mp4"]
    assert (again["video_id"], again["revision"]) == (before["video_id"], before["revision"])
    bucket = stack.service("s3").Bucket("videodrop-uploads")
    bucket.copy({"Bucket": bucket.name, "Key": before["key"]}, key := "videos/copy/silent.mp4")
    after = _ended(stack, events.video_id(bucket.name, key))
    assert after["status"] == before["status"]
    for stage in ("transcode", "thumbnail", "transcribe", "detect"):
        assert _stage(after, stage)["fingerprint"] == _stage(before, stage)["fingerprint"]
        assert _stage(after, stage)["cost"] == _stage(before, stage)["cost"]
