"""The header and the index (Cues) of a Matroska file."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.core.location import Location, size_of
from pipeline.media import moov

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_INFO, _SCALE = 0x1549A966, 0x2AD7B1
_CUES, _CUE_POINT, _CUE_TIME = 0x1C53BB6B, 0xBB, 0xB3
_CUE_POSITIONS, _CUE_CLUSTER = 0xB7, 0xF1
_HEADER = 12  # most bytes of an element's ID and size
_LARGEST = 1 << 20  # bytes of a header or an index that is taken
_NS = 1_000_000_000
_USUAL_SCALE = 1_000_000  # nanoseconds


class Element(NamedTuple):
    """An element: its ID, and start and end of its content; the end is -1 if it is unknown."""

    id: int
    start: int
    end: int


class Index(NamedTuple):
    """The header and the index of a file.

    Attributes:
        known: places in the file with their content.
        cues: time in seconds and place of clusters with keyframes, in order.
        end: of the last cluster.
    """

    known: tuple[tuple[int, bytes], ...]
    cues: tuple[tuple[float, int], ...]
    end: int

    def media(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Return the start and the end of what is surely read for a part."""
        times = [time_s for time_s, _ in self.cues]
        first, last = bisect_right(times, start_s) - 1, bisect_right(times, end_s) - 1
        end = self.end if last == len(times) - 1 else self.cues[last][1]
        return self.cues[max(0, first)][1], end


def read(path: Location) -> Index | None:
    """Read the header and the index; None where there is no index, or an unusual one."""
    ebml = _at(path, 0)
    if ebml is None or ebml.id != _EBML:
        return None
    segment = _at(path, ebml.end)
    if segment is None or segment.id != _SEGMENT:
        return None
    base = ebml.end + segment.start
    scale, found, at = _USUAL_SCALE, 0, base
    while (element := _at(path, at)) is not None:
        if element.end < 0 or element.id == _CLUSTER:
            break
        if element.id == _CUES:
            found = at
        if element.id in (_SEEK_HEAD, _INFO) and element.end <= _LARGEST:
            inner = moov.content(path, at + element.start, at + element.end)
            scale, found = _facts(inner, base, scale, found)
        at += element.end
    if not found or at > _LARGEST:
        return None
    return _index(path, at, found, base, scale)


def _facts(content: bytes, base: int, scale: int, found: int) -> tuple[int, int]:
    """Return nanoseconds of a tick and the place of the index, where ``content`` has them."""
    for one in _inside(content, 0, len(content)):
        if one.id == _SCALE:
            scale = _number(content, one)
        if one.id == _SEEK:
            values = {x.id: _number(content, x) for x in _inside(content, one.start, one.end)}
            if values.get(_SEEK_ID) == _CUES:
                found = base + values.get(_SEEK_POSITION, 0)
    return scale, found


def _index(path: Location, header: int, place: int, base: int, scale: int) -> Index | None:
    """Return the index of a file.

    Args:
        path: the file.
        header: bytes before the first cluster.
        place: of the cues.
        base: from which places are counted.
        scale: nanoseconds of a tick.
    """
    cues = _at(path, place)
    if cues is None or cues.id != _CUES or not 0 <= cues.end <= _LARGEST:
        return None
    content = moov.content(path, place, place + cues.end)
    found = sorted({*_cues(content, cues, base, scale)})
    if not found:
        return None
    known = [(0, moov.content(path, 0, header))]
    if place > header:
        known.append((place, content))
    end = place if place > found[-1][1] else size_of(path)
    return Index(tuple(known), tuple(found), end)


def _cues(content: bytes, cues: Element, base: int, scale: int) -> Iterator[tuple[float, int]]:
    for point in _inside(content, cues.start, cues.end):
        if point.id != _CUE_POINT:
            continue
        time, places = 0, []
        for one in _inside(content, point.start, point.end):
            if one.id == _CUE_TIME:
                time = _number(content, one)
            if one.id == _CUE_POSITIONS:
                inner = _inside(content, one.start, one.end)
                places += [_number(content, x) for x in inner if x.id == _CUE_CLUSTER]
        for one_place in places:
            yield time * scale / _NS, base + one_place


def _at(path: Location, place: int) -> Element | None:
    """Return the element that begins at a place in a file, with offsets from there."""
    if not 0 <= place < size_of(path):
        return None
    return _element(moov.content(path, place, place + _HEADER), 0)


def _inside(content: bytes, start: int, end: int) -> Iterator[Element]:
    while start < end:
        element = _element(content, start)
        if element is None or not element.start <= element.end <= end:
            return
        yield element
        start = element.end


def _element(content: bytes, at: int) -> Element | None:
    """Return the element that begins at ``at``."""
    id_size = _width(content, at, 4)
    size_size = _width(content, at + id_size, 8) if id_size else 0
    start = at + id_size + size_size
    if not size_size or start > len(content):
        return None
    value = int.from_bytes(content[at + id_size : start]) & ((1 << 7 * size_size) - 1)
    unknown = value == (1 << 7 * size_size) - 1
    number = int.from_bytes(content[at : at + id_size])
    return Element(number, start, -1 if unknown else start + value)


def _width(content: bytes, at: int, most: int) -> int:
    """Return the bytes of a number whose first byte tells its size; 0 for no number."""
    if at >= len(content):
        return 0
    width = 9 - content[at].bit_length()
    return width if width <= most else 0


def _number(content: bytes, element: Element) -> int:
    return int.from_bytes(content[element.start : element.end])
