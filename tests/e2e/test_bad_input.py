"""Invalid files: each ends with a reason, and delays no other upload."""

import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import SAMPLES, Stack

Make = Callable[..., Path]
_PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=2")
_SOUND = ("-f", "lavfi", "-i", "sine=d=2")


def _errors(video: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        stage["stage"]: (stage["error"]["class"], stage["error"]["code"])
        for stage in video["stages"]
        if stage["error"]
    }


def test_a_file_that_is_not_a_video_fails_at_once_with_the_right_error(
    stack: Stack, tmp_path: Path, make_video: Make
) -> None:
    good = make_video("good.mp4", *_PICTURE, *_SOUND)
    files = {
        "empty.mp4": b"",
        "text.mp4": b"This is not a video.\n" * 50,
        "page.mp4": b"<!doctype html><title>404</title>" * 20,
        "cut.mp4": good.read_bytes()[: good.stat().st_size // 2],
        "long.mp4": _claim_hours(good.read_bytes(), 12),
    }
    paths = []
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        paths.append(tmp_path / name)
    videos = stack.add(*paths, good)
    assert videos["good.mp4"]["status"] in {"ready", "ready_with_warnings"}
    for name in files:
        errors = _errors(videos[name])
        assert videos[name]["status"] == "failed", name
        assert set(errors) == {"transcode", "thumbnail", "transcribe", "detect"}, name
        assert {failure for failure, _ in errors.values()} == {"bad_input"}, (name, errors)
        for stage in videos[name]["stages"]:
            assert stage["attempt"] == 1, "a bad file is not retried"
            assert stage["error"]["retryable"] is False
            assert stage["error"]["message"].endswith((".", "?"))


def test_sound_alone_and_pictures_alone_are_processed(
    stack: Stack, make_video: Make, tmp_path: Path
) -> None:
    captions = tmp_path / "talk.de.srt"
    captions.write_text("1\n00:00:00,500 --> 00:00:02,000\nGrüße\n", encoding="utf-8")
    videos = stack.add(
        captions,
        make_video("talk.mp3", "-i", str(SAMPLES / "speech-only.mp4"), "-vn", "-q:a", "4"),
        make_video("mute.mp4", *_PICTURE),
        make_video("still.mp4", *_PICTURE, "-frames:v", "1"),
    )
    talk = videos["talk.mp3"]
    states = {stage["stage"]: stage["state"] for stage in talk["stages"]}
    assert (talk["status"], states.pop("detect")) == ("ready", "skipped")
    assert set(states.values()) == {"succeeded"}
    roles = {one["role"] for stage in talk["stages"] for one in stage["artifacts"]}
    assert roles > {"hls_master", "m4a", "poster", "waveform", "captions_vtt"}
    played = _played_s(stack.file.api_url + talk["links"]["playlist"])
    assert abs(played - talk["duration_s"]) < 0.1
    assert [(one["name"], one["language"]) for one in talk["captions"]] == [("talk.de.srt", "de")]
    assert "Grüße" in stack.get(talk["captions"][0]["link"]).text
    assert videos["mute.mp4"]["status"] == "ready_with_warnings"
    assert videos["still.mp4"]["status"] == "ready_with_warnings"


def test_a_wrong_option_is_rejected_with_a_message_before_the_upload(
    stack: Stack, make_video: Make
) -> None:
    path = make_video("options.mp4", *_PICTURE)
    for option, says in (("colour=blue", "videodrop-colour"), ("detect-fps=many", "fps")):
        refused = stack.cli("add", path, "--option", option, check=False)
        assert refused.returncode == 2
        assert says in refused.stderr
    assert stack.cli("show", path.name, check=False).returncode == 3


def test_only_the_requested_stages_run(stack: Stack, make_video: Make) -> None:
    videos = stack.add(
        make_video("some.mp4", *_PICTURE, "-metadata", "title=some"), "--stages", "thumbnail"
    )
    states = {stage["stage"]: stage["state"] for stage in videos["some.mp4"]["stages"]}
    assert states.pop("thumbnail") == "succeeded"
    assert set(states.values()) == {"skipped"}
    assert videos["some.mp4"]["status"] == "ready"


def _played_s(url: str) -> float:
    """Return the seconds of sound that ffmpeg decodes of a playlist."""
    allowed = ("-allowed_extensions", "ALL", "-protocol_whitelist", "file,http,tcp")
    raw = ("-f", "s16le", "-ac", "1", "-ar", "8000", "-")
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", *allowed, "-i", url, *raw],
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert not done.stderr, done.stderr
    return len(done.stdout) / 2 / 8000


def _claim_hours(mp4: bytes, hours: int) -> bytes:
    """Return the file with movie, track and media headers that claim ``hours``."""
    data = bytearray(mp4)
    for box, scale, length in ((b"mvhd", 12, 16), (b"mdhd", 12, 16)):
        at = data.find(box)
        while at >= 0:
            (timescale,) = struct.unpack_from(">I", data, at + 4 + scale)
            struct.pack_into(">I", data, at + 4 + length, timescale * 3600 * hours)
            at = data.find(box, at + 4)
    at = data.find(b"tkhd")
    while at >= 0:
        struct.pack_into(">I", data, at + 4 + 20, 1000 * 3600 * hours)
        at = data.find(b"tkhd", at + 4)
    return bytes(data)
