"""A gate before the model: a frame that shows what the last one showed is not looked at again.

Frames are compared by the mean colours of small cells, in 20 tiles along the longer side. A tile
has changed when the mean difference of its cells is more than 4 of 255 levels, in the channel that
differs most. One changed tile opens the gate. A change of the whole picture by the same amount, as
cameras make when they adapt to the light, is subtracted before.

So an object of one tile's size (1/20 of the longer side, square) is seen as soon as it appears or
moves by its own size, wherever it lies on the grid, if it differs by 16 levels from what it covers.
One of half that side needs 64 levels. Smaller or paler ones may be seen late: by at most 5 s,
after which the gate always opens.

Mouths move, leaves move, and what is found stays the same. A tile whose change has not changed
what was found becomes tolerant: its bound is then twice that change, at most 40 levels. This is
forgotten as soon as something else is found. It needs a small change, of at most a fifth of the
tiles: when the camera moves, every frame is looked at.
"""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.stages.detect.engine import Box, Detection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.stages.detect.engine import Image

LONGEST_S = 5.0
"""Longest time in a video for which no frame is looked at."""

_TILES = 20  # along the longer side
_CELLS = 4  # along the side of a tile
_BOUND = 4.0  # levels of 255
_HIGHEST_BOUND = 40.0
_SMALL_SHARE = 0.2  # of the tiles
_SURE = 0.5  # confidence; less confident detections come and go without a change
_SAME_OVERLAP = 0.9


class Gate:
    """The state of the gate in one section; see ``media.sections``."""

    def __init__(self) -> None:
        self._cells: Any = None  # of the frame that was looked at last
        self._time_s = 0.0
        self._bounds: Any = None  # of each tile
        self._changes: deque[Any] = deque()  # of frames that are looked at, until the model answers
        self._found: Sequence[Detection] | None = None

    def opens(self, time_s: float, image: "Image") -> bool:
        """Return True if the model has to look at the next frame of the video."""
        cells = _cells(image)
        if self._cells is None or cells.shape != self._cells.shape:
            changes = None
        else:
            changes = _tiles(cells, self._cells)
            if self._bounds is None:
                self._bounds = changes * 0 + _BOUND
            still = time_s - self._time_s < LONGEST_S
            if still and not (changes > self._bounds).any():
                return False
        self._cells, self._time_s = cells, time_s
        self._changes.append(changes)
        return True

    def learn(self, found: Sequence[Detection]) -> None:
        """Take the detections of the earliest frame for which the gate opened and that has none."""
        changes, before, self._found = self._changes.popleft(), self._found, found
        if changes is None or before is None:
            return
        if not _alike(before, found):
            self._bounds[:] = _BOUND
            return
        moved = changes > self._bounds
        if moved.mean() <= _SMALL_SHARE:
            raised = (2 * changes[moved]).clip(max=_HIGHEST_BOUND)
            self._bounds[moved] = raised.clip(min=self._bounds[moved])


def _cells(image: "Image") -> "NDArray[np.int16]":
    """Return the mean colours of the cells of an image, int16 [rows, columns, 3]."""
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run
    from PIL import Image  # noqa: PLC0415 - see above

    side = max(1, round(max(image.shape[:2]) / (_TILES * _CELLS)))
    return np.asarray(Image.fromarray(image).reduce(side)).astype(np.int16)


def _tiles(cells: "NDArray[np.int16]", before: "NDArray[np.int16]") -> "NDArray[np.float64]":
    """Return the mean difference of the cells in each tile, [rows, columns]; edges may be cut."""
    import numpy as np  # noqa: PLC0415 - see _cells()

    differences = cells - before
    differences = differences - np.median(differences, axis=(0, 1))
    sums = np.abs(differences).max(axis=2)
    counts = np.ones_like(sums)
    for axis in (0, 1):
        starts = np.arange(0, sums.shape[axis], _CELLS)
        sums = np.add.reduceat(sums, starts, axis=axis)
        counts = np.add.reduceat(counts, starts, axis=axis)
    means: NDArray[np.float64] = sums / counts
    return means


def _alike(before: Sequence[Detection], now: Sequence[Detection]) -> bool:
    """Return True if each sure detection of one frame is in the other, in nearly the same place."""
    return _all_in(before, now) and _all_in(now, before)


def _all_in(some: Sequence[Detection], others: Sequence[Detection]) -> bool:
    # The other may be less sure: confidences waver around any limit.
    return all(
        any(
            one.label == other.label and _overlap(one.box, other.box) >= _SAME_OVERLAP
            for other in others
        )
        for one in some
        if one.confidence >= _SURE
    )


def _overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes as a share of their union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / max(1e-9, _area(one) + _area(other) - shared)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
