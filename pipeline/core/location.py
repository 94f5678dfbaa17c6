"""The location of a media file: on the local disk, or elsewhere and read in parts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Address:
    """An address on loopback at which this process serves a file that lies elsewhere.

    Attributes:
        url: for ffmpeg alone; its path is a secret.
        size: bytes of the file.
        read: returns the bytes from a start to an end, which is not included.
        check: raises the error of the first part that could not be read, if there is one.
        waited: returns the seconds for which reading has waited so far.
    """

    url: str
    size: int
    read: Callable[[int, int], bytes]
    check: Callable[[], None]
    waited: Callable[[], float]


Location = Path | Address
"""A local path, or the address of a file that is served; see ``media.served``."""


def size_of(location: Location) -> int:
    """Return the bytes of a file; 0 where there is none."""
    if isinstance(location, Address):
        return location.size
    return location.stat().st_size if location.is_file() else 0
