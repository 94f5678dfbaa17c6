"""The choice of a video's poster: a frame that is not black, not blurred and not a fade."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.media.frames import Frame

if TYPE_CHECKING:
    import numpy as np

# Title cards, fades and credits are near the ends, which are used only if nothing else is there.
_MARGIN = 0.05
_BLACK, _WHITE, _FLAT = 24.0, 232.0, 6.0
_BITS = 6
# A variance of the Laplacian that counts as fully sharp, for 8-bit luma.
_SHARP = 1000.0


def score(image: "np.ndarray") -> float:
    """Return how suitable ``image`` (uint8 RGB, [height, width, 3]) is as a poster, from 0 to 1.

    The product of exposure (mean luma near the middle), variety (entropy of the luma histogram)
    and sharpness (variance of the Laplacian: Pech-Pacheco et al., ICPR 2000). Black, white and
    flat frames get 0.
    """
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

    luma = image.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)  # BT.709
    mean, spread = float(luma.mean()), float(luma.std())
    if not _BLACK < mean < _WHITE or spread < _FLAT:
        return 0.0
    counts, _ = np.histogram(luma, bins=1 << _BITS, range=(0, 256))
    shares = counts[counts > 0] / luma.size
    entropy = -float((shares * np.log2(shares)).sum()) / _BITS
    exposure = 1 - abs(mean - 128) / 128
    return math.sqrt(exposure) * entropy * _sharpness(luma)


def shortlist(frames: Sequence[Frame], duration_s: float, count: int) -> list[Frame]:
    """Return the ``count`` best of ``frames``, best first and well apart in time.

    Args:
        frames: small images of frames throughout the video, in order of time.
        duration_s: duration of the video.
        count: number of frames to return; fewer if there are not enough.
    """
    margin = duration_s * _MARGIN
    inner = [f for f in frames if margin <= f.time_s <= duration_s - margin]
    ranked = sorted(inner or frames, key=lambda f: (-score(f.image), f.time_s))
    if inner and not score(ranked[0].image):
        ranked = sorted(frames, key=lambda f: (-score(f.image), f.time_s))
    apart = duration_s / (4 * count)
    chosen: list[Frame] = []
    for frame in ranked:
        if len(chosen) < count and all(abs(frame.time_s - c.time_s) >= apart for c in chosen):
            chosen.append(frame)
    return chosen


def _sharpness(luma: "np.ndarray") -> float:
    """Return 0 to 1, from the variance of the 4-neighbour Laplacian on a logarithmic scale."""
    inner = luma[1:-1, 1:-1]
    if not inner.size:
        return 1.0
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return min(1.0, math.log1p(float((around - 4 * inner).var())) / math.log1p(_SHARP))
