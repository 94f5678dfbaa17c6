"""Captions that are uploaded beside a video: ``clip.srt`` or ``clip.de.vtt`` for ``clip.mp4``."""

import re
import unicodedata
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][a-z0-9]{2,8})*", re.IGNORECASE)
# Names of formats that look like languages: clip.mov.srt belongs to clip.mov.
_FORMATS = {
    *("aac", "aif", "amr", "ape", "asf", "avi", "caf", "flv", "gxf", "mka", "mkv", "mov", "mpg"),
    *("mts", "mxf", "nut", "oga", "ogg", "ogv", "rm", "ts", "vob", "wav", "wma", "wmv", "wv"),
}
_MOST_OWNERS = 4
_FLAGS = frozenset({"cc", "default", "forced", "sdh"})
_SCRIPT, _REGION = 4, (2, 3)  # lengths of a subtag (RFC 5646)


class Sidecar(BaseModel):
    """A file of captions of one video.

    Attributes:
        name: file name, unique beside its video.
        language: language tag in its name, such as ``de`` or ``pt-BR``.
        flags: further words in its name: ``cc``, ``default``, ``forced`` or ``sdh``.
    """

    model_config = ConfigDict(frozen=True)

    bucket: str
    key: str
    version_id: str | None = None
    etag: str
    size: int
    language: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return its file name."""
        return self.key.rsplit("/", 1)[-1]


class Owner(NamedTuple):
    """A video that captions may belong to.

    Attributes:
        path: key of the video, with or without its extension.
        language: language tag of the captions, if they are of this video.
        flags: see ``Sidecar``.
    """

    path: str
    language: str | None
    flags: tuple[str, ...]


def owners(key: str) -> list[Owner]:
    """Return the videos that the captions at ``key`` may belong to.

    ``clip.de.srt`` has captions of ``clip.de.mp4``, or German ones of ``clip.mp4``.
    """
    path = key.rpartition(".")[0]
    language: str | None = None
    flags: tuple[str, ...] = ()
    found = [Owner(path, language, flags)]
    while len(found) < _MOST_OWNERS and "." in path.rsplit("/", 1)[-1].lstrip("."):
        path, _, word = path.rpartition(".")
        if word.lower() in _FLAGS:
            flags = (word.lower(), *flags)
        elif language is None and _LANGUAGE.fullmatch(word) and word.lower() not in _FORMATS:
            language = tag(word)
        else:
            break
        found.append(Owner(path, language, flags))
    return found


def paths(key: str) -> list[str]:
    """Return the paths by which captions name the video at ``key``, the longest first."""
    folder, slash, name = key.rpartition("/")
    stem = name.rpartition(".")[0]
    return [key, f"{folder}{slash}{stem}"] if stem else [key]


def beside(captions: str, video: str, key: str) -> str:
    """Return the key at which captions belong to the video at ``key``.

    Args:
        captions: their file name, e.g. ``b.de.srt``.
        video: file name of the video that they are of, e.g. ``b.mp4``.
        key: of that video, whose name may be another: of ``a.mp4``, they are ``a.de.srt``.
    """
    folder, slash, name = key.rpartition("/")
    given = same(captions)
    whole, stem = paths(name)[0], paths(name)[-1]
    for start, new in zip(paths(same(video)), (whole, stem), strict=False):
        if given.startswith(f"{start}."):
            return f"{folder}{slash}{new}{given.removeprefix(start)}"
    return f"{folder}{slash}{captions}"


def same(path: str) -> str:
    """Return the form of a path in which equal names are equal: macOS decomposes accents."""
    return unicodedata.normalize("NFC", path)


def tag(word: str) -> str:
    """Return a language tag in its usual case: ``pt_br`` as ``pt-BR``, ``DE`` as ``de``."""
    language, *rest = re.split("[-_]", word.lower())
    return "-".join([language, *map(_subtag, rest)])


def _subtag(text: str) -> str:
    if len(text) == _SCRIPT and text.isalpha():
        return text.title()
    return text.upper() if len(text) in _REGION else text
