"""The conversion of uploaded captions to WebVTT (https://www.w3.org/TR/webvtt1/)."""

import re

from pipeline.core.errors import BadInput

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
_TIMING = re.compile(rf"^[ \t]*{_CLOCK}[ \t]*-->[ \t]*{_CLOCK}.*$", re.MULTILINE)
_NUMBER = re.compile(r"\d+")
# SubRip's tags that WebVTT has too; others (fonts, positions) are removed.
_KEPT_TAG = re.compile(r"&lt;(/?[biu])&gt;", re.IGNORECASE)
_DROPPED = re.compile(r"</?font\b[^>]*>|\{\\[^}]*\}", re.IGNORECASE)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def to_webvtt(content: bytes) -> str:
    """Return captions in SubRip or WebVTT as WebVTT.

    Args:
        content: of the file, in UTF-8, UTF-16 with its mark, or Windows-1252.

    Raises:
        BadInput: ``not_captions``: it has no cue.
    """
    text = _decoded(content).replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    found = list(_TIMING.finditer(text))
    if not found:
        raise BadInput("not_captions", "The file has no captions: neither SubRip nor WebVTT.")
    if re.match(r"WEBVTT(?=[ \t\n])", text):
        return text if text.endswith("\n") else f"{text}\n"
    ends = [*(one.start() for one in found[1:]), len(text)]
    cues = []
    for one, end in zip(found, ends, strict=True):
        lines = [line.strip() for line in text[one.end() : end].split("\n")]
        is_last = end == len(text)
        cues.append((*_times(one), _payload(lines, is_last=is_last)))
    blocks = [
        f"{_clock(start)} --> {_clock(end)}\n{payload}\n"
        for start, end, payload in sorted(cues)
        if payload and start < end
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _payload(lines: list[str], *, is_last: bool) -> str:
    """Return a cue's text: no blank lines, and without the number of the next cue."""
    kept = [line for line in lines if line]
    if kept and not is_last and _NUMBER.fullmatch(kept[-1]):
        kept.pop()
    shown = (_DROPPED.sub("", line).translate(_ESCAPES) for line in kept)
    return "\n".join(_KEPT_TAG.sub(r"<\1>", line) for line in shown if line)


def _times(timing: re.Match[str]) -> tuple[int, int]:
    """Return start and end in milliseconds."""
    fields = timing.groups()
    return _milliseconds(fields[:4]), _milliseconds(fields[4:])


def _milliseconds(fields: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, fraction = fields
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
