"""The exit status and the words of ffmpeg, as errors that say who can do what."""

import signal

import pytest

from pipeline.media.failures import error_of

LINE = "[mov,mp4 @ 0x55d1c0de] [error] "


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (127, "libx264.so: cannot open shared object file", "dependency/ffmpeg_broken"),
        (1, "Cannot allocate memory", "out_of_memory/media_memory"),
        (1, "Resource temporarily unavailable", "out_of_memory/media_memory"),
        (1, "No space left on device", "dependency/disk_full"),
        (1, "File too large", "limit/output_too_large"),
        (1, "Error initializing output stream 0:0", "bug/ffmpeg_options"),
        (1, "Unrecognized option 'x'.", "bug/ffmpeg_options"),
        (1, "Unknown encoder 'libx264'", "dependency/ffmpeg_build"),
        (1, "No such filter: 'zscale'", "dependency/ffmpeg_build"),
        (-signal.SIGXFSZ, "", "limit/output_too_large"),
        (-signal.SIGKILL, "", "dependency/ffmpeg_killed"),
        (-signal.SIGTERM, "", "dependency/ffmpeg_killed"),
        (-signal.SIGSEGV, "", "bad_input/decoder_crashed"),
        (1, "Invalid data found", "bad_input/undecodable"),
    ],
)
def test_a_failure_of_ffmpeg_is_the_error_of_its_cause(status: int, said: str, error: str):
    found = error_of(status, f"{LINE}{said}")
    assert f"{found.failure_class}/{found.code}" == error


@pytest.mark.parametrize(
    "place", ["file:/home/me/a b.mp4", "http://127.0.0.1:81/x-secret_path", "pipe:1"]
)
def test_a_message_names_no_path_of_this_machine_and_no_address(place: str):
    said = error_of(1, f"{LINE}first\n{LINE}{place}: Invalid data found").message
    shown = "pipe:1" if place == "pipe:1" else "file"
    assert said == f"The media cannot be decoded. ffmpeg says: {shown}: Invalid data found"
