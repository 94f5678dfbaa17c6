"""The choice of a video's poster: a frame that is not black, not blurred and not a fade."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.stages.thumbnail.tiles import Tile

if TYPE_CHECKING:
    import numpy as np

# Title cards, fades and credits are near the ends, which are used only if nothing else is there.
_MARGIN = 0.05
_BLACK, _WHITE, _FLAT = 24.0, 232.0, 6.0
_BITS = 6
# A variance of the Laplacian that counts as fully sharp, for 8-bit luma.
_SHARP = 1000.0
# Mean difference of 8-bit values, above that of two scalers and below that of two scenes.
_ALIKE = 12.0


def score(image: "np.ndarray") -> float:
    """Return how suitable ``image`` (uint8 RGB, [height, width, 3]) is as a poster, from 0 to 1.

    The product of exposure (mean luma near the middle), variety (entropy of the luma histogram)
    and sharpness (variance of the Laplacian: Pech-Pacheco et al., ICPR 2000). Black, white and
    flat frames get 0.
    """
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run
    from PIL import Image  # noqa: PLC0415 - as above

    luma = Image.fromarray(image).convert("L", (0.2126, 0.7152, 0.0722, 0))  # BT.709
    counts = np.array(luma.histogram())
    shares, shades = counts / counts.sum(), np.arange(256)
    mean = float(shares @ shades)
    if not _BLACK < mean < _WHITE or float(shares @ (shades - mean) ** 2) < _FLAT**2:
        return 0.0
    wide = shares.reshape(1 << _BITS, -1).sum(1)
    wide = wide[wide > 0]
    entropy = -float((wide * np.log2(wide)).sum()) / _BITS
    exposure = 1 - abs(mean - 128) / 128
    return math.sqrt(exposure) * entropy * _sharpness(np.asarray(luma, np.int16))


def shortlist(tiles: Sequence[Tile], duration_s: float, count: int) -> list[Tile]:
    """Return the ``count`` best of ``tiles``, best first and well apart in time.

    Args:
        tiles: throughout the video, in order of time.
        duration_s: duration of the video.
        count: number of tiles to return; fewer if there are not enough.
    """
    margin = duration_s * _MARGIN
    inner = [one for one in tiles if margin <= one.shot.time_s <= duration_s - margin]
    if not any(one.shot.score for one in inner):
        inner = list(tiles)
    apart = duration_s / (4 * count)
    chosen: list[Tile] = []
    for tile in sorted(inner, key=lambda one: (-one.shot.score, one.shot.time_s)):
        others = (one.shot.time_s for one in chosen)
        if len(chosen) < count and all(abs(tile.shot.time_s - time) >= apart for time in others):
            chosen.append(tile)
    return chosen


def alike(one: "np.ndarray", other: "np.ndarray") -> bool:
    """Return whether two images (uint8 RGB) of any sizes show the same."""
    import numpy as np  # noqa: PLC0415 - as above
    from PIL import Image  # noqa: PLC0415 - as above

    height, width, _ = min(one.shape, other.shape)
    first, second = (
        np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX), np.int16)
        for image in (one, other)
    )
    return float(np.abs(first - second).mean()) < _ALIKE


def _sharpness(luma: "np.ndarray") -> float:
    """Return 0 to 1, from the variance of the 4-neighbour Laplacian on a logarithmic scale."""
    inner = luma[1:-1, 1:-1]
    if not inner.size:
        return 1.0
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return min(1.0, math.log1p(float((around - 4 * inner).var())) / math.log1p(_SHARP))
