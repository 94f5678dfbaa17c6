"""The packets that a range of sound reads, and when they are heard.

When sound is heard follows from all packets before it. So one range reads the records of all ranges
of pictures, for all ranges of sound. Those read its lists alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Parts, Range
from pipeline.stages.transcode import places
from pipeline.stages.transcode.encoded import Listed, Stored
from pipeline.stages.transcode.places import Batch
from pipeline.stages.transcode.stretches import Stretch

_APART_S = 2  # packets may be this far from where a span of pictures has them


class Span(NamedTuple):
    """The packets of a track that a range of pictures stored.

    Attributes:
        range: the range.
        file: name of the file.
        batches: of the packets; None if they are unknown.
    """

    range: Range
    file: str
    batches: tuple[Batch, ...] | None

    def is_near(self, begin_s: float, until_s: float) -> bool:
        """Return whether packets between two times may be among them."""
        return self.range.start_s < until_s + _APART_S and self.range.end_s > begin_s - _APART_S


def spans(track: AudioStream, parts: Parts) -> list[Span]:
    """Return the packets of a track that all ranges of pictures stored."""
    stored = [(one.range, Stored.of(one.part)) for one in parts]
    return [
        Span(range_, data.packets[track.index], data.batches[track.index])
        for range_, data in stored
        if track.index in data.packets
    ]


def listed(found: Sequence[Span], track: AudioStream, stretch: Stretch) -> Listed | None:
    """Return the packets that a stretch of a track is decoded from; None if there are none."""
    begin_s, until_s = stretch.read_s, stretch.until_s
    near = [one.file for one in found if stretch.whole or one.is_near(begin_s, until_s)]
    if not near:
        return None
    known = [batch for one in found for batch in one.batches or ()]
    if not stretch.begin_s or any(one.batches is None for one in found):
        return Listed(files=tuple(near))
    rate = track.sample_rate
    start, cut, end = (round(time_s * rate) for time_s in (begin_s, stretch.begin_s, until_s))
    heard = places.expression(places.steps(known, rate), start, cut, end, rate)
    return Listed(files=tuple(near), heard=heard)
