"""The detections of a range, stored as lines of JSON until the merge reads them."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.stages.detect.engine import Detection


class Shown(NamedTuple):
    """The detections of one frame.

    Attributes:
        time_s: the time of the frame.
        found: the detections, with boxes in pixels of the source.
        looked: False if the detections are those of the frame before it.
    """

    time_s: float
    found: list[Detection]
    looked: bool


def write(path: Path, frames: Iterable[tuple[float, list[Detection] | None]]) -> None:
    """Write frames, a line each: the time and the detections; None if those before it remain."""
    with path.open("w", encoding="utf-8") as file:
        for time_s, found in frames:
            line: list[Any] = [time_s]
            if found is not None:
                line.append([[one.label, one.confidence, *one.box] for one in found])
            file.write(json.dumps(line, allow_nan=False) + "\n")


def read(path: Path) -> Iterator[Shown]:
    """Yield the frames of a file in their order."""
    found: list[Detection] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            time_s, *looked = json.loads(line)
            if looked:
                found = [
                    Detection(label, confidence, (left, top, right, bottom))
                    for label, confidence, left, top, right, bottom in looked[0]
                ]
            yield Shown(time_s, found, looked=bool(looked))
