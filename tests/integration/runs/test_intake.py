"""Objects that are not media: no runs, no videos; captions are attached to their video."""

from typing import Any

import pytest

from pipeline.core.media_info import Probe
from pipeline.core.stage import Result
from pipeline.results.captions import to_webvtt
from pipeline.runs.delivery import Outcome
from tests.fakes import aws_events
from tests.fakes.rig import Rig, janitor, upload_of

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n"


def must_not_run(*_: Any) -> Result:
    raise AssertionError


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("videos/2024/", b""),
        ("videos/.DS_Store", b"\0\0\0\1Bud1"),
        ("videos/._clip.mp4", b"\0\5\x16\7"),
        ("videos/Thumbs.db", b"\xd0\xcf\x11\xe0"),
        ("videos/clip.mp4.part", b"half of it"),
        ("videos/clip.srt", SRT),
    ],
)
def test_what_is_no_media_starts_no_run_and_lists_no_video(
    rig: Rig, caplog: pytest.LogCaptureFixture, key: str, body: bytes
):
    event = rig.put(body, key)
    with caplog.at_level("INFO"):
        assert rig.handle(event) is Outcome.IGNORED
    assert (f"{key}: a folder" in caplog.text) == (not key.endswith(".srt"))
    assert rig.stage.runs == 0
    assert rig.catalog.video(upload_of(event).video_id) is None
    assert list(rig.catalog.timeline.newest()) == []


@pytest.mark.parametrize("first", ["video", "captions"])
def test_captions_are_attached_whichever_comes_first(rig: Rig, first: str):
    put = {
        "video": lambda: rig.put(key="videos/a/clip.mp4"),
        "captions": lambda: rig.put(SRT, "videos/a/clip.de.srt"),
    }
    events = {}
    for name in sorted(put, key=lambda name: name != first):
        events[name] = put[name]()
        rig.handle(events[name])
        rig.handle(events[name])
    video = rig.video(events["video"])
    assert video.status == "processing"  # of its two stages one has run
    (found,) = rig.catalog.sidecars.of(video.upload)
    assert (found.name, found.language) == ("clip.de.srt", "de")
    assert "Hallo" in to_webvtt(rig.artifacts.captions(found))


def test_captions_are_removed_with_their_object(rig: Rig):
    video, captions = upload_of(rig.put()), rig.put(SRT, "videos/a.srt")
    rig.handle(captions)
    assert len(rig.catalog.sidecars.of(video)) == 1
    bucket = rig.config.names.uploads_bucket
    gone = aws_events.deleted("videos/a.srt", bucket=bucket, sequencer="F" * 18)
    janitor(rig.catalog, grace_s=0).handle(gone)
    assert rig.catalog.sidecars.of(video) == []


def test_a_stage_without_a_track_for_it_is_skipped(rig: Rig):
    rig.stage.run_ = must_not_run
    rig.stage.applies_ = lambda probe: probe.video is not None
    event = rig.put()
    assert rig.handle(event) is Outcome.SKIPPED
    run = rig.state(event)
    assert (run.state, run.error, run.current_result) == ("skipped", None, None)
    assert rig.handle(event) is Outcome.CURRENT


def test_media_that_another_stage_probed_is_skipped_without_a_download(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    rig.stage.applies_ = lambda probe: probe.video is not None
    upload = upload_of(event := rig.put())
    rig.catalog.record_upload(upload, patience_s=60)
    probe = Probe(container="mp3", duration_s=1, size_bytes=7)
    rig.catalog.record_probe(upload, probe, {})
    monkeypatch.setattr("pipeline.aws.artifacts.Artifacts.fetch", must_not_run)
    assert rig.handle(event) is Outcome.SKIPPED
