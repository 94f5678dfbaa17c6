"""Non-maximum suppression: of overlapping boxes of one class, only the most confident stays."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_CANDIDATES = 30_000  # as in Ultralytics
_APART = 7680.0  # pixels; boxes of different classes are moved apart by this, as in Ultralytics


def kept(
    boxes: "NDArray[np.float32]",
    confidences: "NDArray[np.float32]",
    classes: "NDArray[np.intp]",
    *,
    iou: float,
    most: int,
) -> list[int]:
    """Return the indices of the boxes to keep, highest confidence first.

    Args:
        boxes: left, top, right, bottom; float32 [n, 4].
        confidences: float32 [n].
        classes: boxes of different classes never suppress each other; [n].
        iou: a box is suppressed if it overlaps a kept one by more than this.
        most: most boxes to keep.
    """
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

    apart = boxes + classes[:, None].astype(np.float32) * _APART
    left, top, right, bottom = apart.T
    areas = (right - left) * (bottom - top)
    order = np.argsort(-confidences, kind="stable")[:_MOST_CANDIDATES]
    found: list[int] = []
    while order.size and len(found) < most:
        best, rest = order[0], order[1:]
        found.append(int(best))
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        union = areas[best] + areas[rest] - shared
        order = rest[shared <= iou * union]
    return found
