"""The stream of sampled frames with the detections of each."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from pipeline.media import sections
from pipeline.media.decoding import Frame
from pipeline.stages.detect.engine import Detection, Looking, ObjectEngine
from pipeline.stages.detect.gate import Gate

if TYPE_CHECKING:
    from pipeline.stages.detect.engine import Image


# A model's memory grows with the pixels that it gets at once.
_BATCH_PIXELS = 32 * 640 * 640


class Sight(NamedTuple):
    """The detections of one frame.

    Attributes:
        time_s: the time of the frame.
        found: the detections, with boxes in the pixels of the sampled frames.
        image: the frame; None if the detections are those of the frame looked at before it.
    """

    time_s: float
    found: list[Detection]
    image: "Image | None"


def frames_at_once(batch: int, how: Looking) -> int:
    """Return the frames per batch: as many as asked for, or fewer if they are large."""
    return max(1, min(batch, _BATCH_PIXELS // how.image_size**2))


def sights(
    sampled: Iterable[Frame], engine: ObjectEngine, how: Looking, *, batch: int, gate: Gate | None
) -> Iterator[Sight]:
    """Yield each frame with its detections, in order.

    Args:
        sampled: the frames of a video.
        engine: the detector; it gets ``batch`` frames at once.
        how: its options.
        batch: the number of frames that may wait for each other.
        gate: decides which frames the detector gets; None for all.
    """
    held: list[tuple[float, Image | None]] = []
    last: list[Detection] = []
    waiting = 0
    for frame in sampled:
        looks = gate is None or gate.opens(frame.time_s, frame.image)
        held.append((frame.time_s, frame.image if looks else None))
        waiting += looks
        if waiting in (0, batch):
            last = yield from _answered(held, last, engine, how, gate)
            held, waiting = [], 0
    yield from _answered(held, last, engine, how, gate)


def by_section(
    sampled: Iterable[Frame],
    engine: ObjectEngine,
    how: Looking,
    *,
    batch: int,
    gate: bool,
    fps: float,
) -> Iterator[Sight]:
    """Yield each frame with its detections; batches and the gate begin again in each section.

    So the detections of a section depend on its frames alone. Arguments are those of ``sights``,
    except ``gate``, whether there is one, and ``fps``, the frames sampled per second.
    """
    for _, some in groupby(sampled, key=lambda frame: sections.number(frame.time_s, fps)):
        yield from sights(some, engine, how, batch=batch, gate=Gate() if gate else None)


def _answered(
    held: Sequence[tuple[float, "Image | None"]],
    last: list[Detection],
    engine: ObjectEngine,
    how: Looking,
    gate: Gate | None,
) -> Generator[Sight, None, list[Detection]]:
    """Yield the frames that waited; the value is the last detections."""
    images = [image for _, image in held if image is not None]
    answers = iter(engine.detect(images, how) if images else ())
    for time_s, image in held:
        if image is not None:
            last = next(answers)
            if gate:
                gate.learn(last)
        yield Sight(time_s, last, image)
    return last
