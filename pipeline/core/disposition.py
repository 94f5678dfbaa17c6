"""The header ``Content-Disposition`` with a file name (RFC 6266)."""

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

_PLAIN = re.compile(r'[^"\\\x00-\x1f\x7f-\U0010ffff]+')
_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
# The characters that RFC 8187 leaves unencoded, beside those that ``quote`` leaves.
_SAFE = "!#$&+^`|"


def content_disposition(kind: Literal["attachment", "inline"], name: str) -> str:
    """Return the header's value, in ASCII.

    A name with other characters is sent in ``filename*``. Programs that do not read it get an
    ASCII form of the name.

    Args:
        kind: ``attachment`` to save the file, ``inline`` to show it.
        name: file name.
    """
    if _PLAIN.fullmatch(name):
        return f'{kind}; filename="{name}"'
    encoded = quote(name.encode("utf-8", "replace"), safe=_SAFE)
    return f"{kind}; filename=\"{_ascii(name)}\"; filename*=UTF-8''{encoded}"


def _ascii(name: str) -> str:
    """Return the name with accents removed and other characters replaced by underscores."""
    plain = unicodedata.normalize("NFKD", name)
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return _UNSAFE.sub("_", kept).strip("._-") or "download"
