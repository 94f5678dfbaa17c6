"""Invalid files: each ends with a reason, and delays no other upload."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Stack

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


def test_a_truncated_video_gives_results_of_its_first_half(stack: Stack, make_video: Make) -> None:
    videos = stack.add(
        make_video("sound.mp4", *_SOUND),
        make_video("mute.mp4", *_PICTURE),
        make_video("still.mp4", *_PICTURE, "-frames:v", "1"),
    )
    assert _errors(videos["sound.mp4"]) == dict.fromkeys(
        ("transcode", "thumbnail", "detect"), ("bad_input", "no_video")
    )
    assert videos["sound.mp4"]["status"] == "partial"
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
    videos = stack.add(make_video("some.mp4", *_PICTURE), "--stages", "thumbnail")
    states = {stage["stage"]: stage["state"] for stage in videos["some.mp4"]["stages"]}
    assert states.pop("thumbnail") == "succeeded"
    assert set(states.values()) == {"skipped"}
    assert videos["some.mp4"]["status"] == "ready"


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
