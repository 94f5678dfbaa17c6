"""The failures of ffmpeg and ffprobe: exit status and error lines converted to errors."""

import re
import signal

from pipeline.core.errors import (
    BadInput,
    Bug,
    DependencyFailed,
    LimitExceeded,
    MissingDependency,
    OutOfMemory,
    VideodropError,
)

_NOT_LOADED = 127


def error_of(status: int, said: str) -> VideodropError:
    """Return the error for an exit status other than 0.

    Args:
        status: of the child process; negative for a signal.
        said: its error lines.
    """
    if status == _NOT_LOADED:
        return MissingDependency("ffmpeg_broken", f"ffmpeg does not start: {said}")
    by_words: tuple[tuple[str, VideodropError], ...] = (
        (
            "Cannot allocate memory",
            OutOfMemory("media_memory", "Processing the media needs more memory than allowed."),
        ),
        (  # the error of a thread whose stack does not fit
            "Resource temporarily unavailable",
            OutOfMemory("media_memory", "Processing the media needs more memory than allowed."),
        ),
        (
            "No space left on device",
            DependencyFailed(
                "disk_full",
                "The disk is full. Free some space, or set VIDEODROP_SCRATCH to a larger disk.",
            ),
        ),
        (
            "File too large",
            LimitExceeded("output_too_large", "The result would be larger than allowed."),
        ),
        (
            "Error initializing output",
            Bug("ffmpeg_options", f"ffmpeg rejected its options: {said}"),
        ),
        ("Unrecognized option", Bug("ffmpeg_options", f"ffmpeg rejected its options: {said}")),
        ("Unknown encoder", MissingDependency("ffmpeg_build", f"This ffmpeg lacks a part: {said}")),
        ("No such filter", MissingDependency("ffmpeg_build", f"This ffmpeg lacks a part: {said}")),
    )
    by_signal: dict[int, VideodropError] = {
        -signal.SIGXFSZ: LimitExceeded("output_too_large", "The result is larger than allowed."),
        -signal.SIGKILL: DependencyFailed("ffmpeg_killed", "ffmpeg was killed (SIGKILL)."),
        -signal.SIGTERM: DependencyFailed("ffmpeg_killed", "ffmpeg was terminated (SIGTERM)."),
    }
    if status in by_signal:
        return by_signal[status]
    for words, error in by_words:
        if words in said:
            return error
    if status < 0:
        return BadInput(
            "decoder_crashed", "The file crashes the decoder; it is damaged or crafted."
        )
    return BadInput("undecodable", f"The media cannot be decoded. ffmpeg says: {_last(said)}")


def _last(said: str) -> str:
    """Return the last error line, without paths, addresses of served files, and levels."""
    line = re.sub(r"http://127\.0\.0\.1:\S*?(?=:?\s|:?$)", "file", said.rpartition("\n")[2])
    marks = r"\[(?:[^]]* @ 0x[0-9a-f]+|error|fatal|panic)\] "
    return re.sub(marks, "", re.sub(r"file:/[^:]*", "file", line))
