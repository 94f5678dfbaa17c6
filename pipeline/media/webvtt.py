"""Text of captions, subtitles and chapters: characters that may be shown, and WebVTT's notation."""

import re
import unicodedata

# Control characters, halves of surrogate pairs, private use and unassigned characters. Of the
# format characters (Cf) most matter: joiners, soft hyphens and direction marks change what is read.
_HIDDEN = frozenset({"Cc", "Cs", "Co", "Cn"})
# Those that falsify text: a byte order mark inside it, overrides of the direction, deprecated ones.
_SPOOFING = re.compile("[\ufeff\u202d\u202e\u206a-\u206f]")
# Tag characters are invisible text, except in the flag of a region.
_TAGS = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f)"
    "|[\U000e0001\U000e0020-\U000e007f]"
)
# Signs of numbers and verses: the format characters that are visible.
_SIGNS = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def shown(text: str) -> str:
    """Return one line of ``text`` without the characters that cannot be shown or that falsify it.

    Any white space becomes one space.
    """
    true = _TAGS.sub(r"\1", _SPOOFING.sub("", text))
    visible = (c for c in true if c.isspace() or unicodedata.category(c) not in _HIDDEN)
    return " ".join("".join(visible).split())


def columns(text: str) -> int:
    """Return the width of ``text``: full-width characters count two, marks and joiners none."""
    return sum(
        0 if _is_narrow(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _is_narrow(c: str) -> bool:
    """Return True for a character without a width of its own."""
    return unicodedata.category(c) in ("Mn", "Me", "Cf") and not _SIGNS.match(c)


def escaped(text: str) -> str:
    """Return ``text`` with the characters escaped that WebVTT reads as markup."""
    return text.translate(_ESCAPES)


def clock(seconds: float, point: str = ".") -> str:
    """Return ``hh:mm:ss.ttt``."""
    whole, ms = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{ms:03}"


def cue(start_s: float, end_s: float, text: str) -> str:
    """Return one cue, with the line feed at its end; ``text`` is WebVTT already."""
    return f"{clock(start_s)} --> {clock(end_s)}\n{text}\n"
