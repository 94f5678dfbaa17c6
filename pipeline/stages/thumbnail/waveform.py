"""The waveform of a sound: its levels over time, and pictures of them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_BACKGROUND, _FAINT, _SOLID = (10, 12, 16), (52, 84, 150), (122, 168, 255)
# Bars of the poster, as parts of its width, and the part of its height that the loudest one has.
_POSTER_BARS, _POSTER_FILL = 96, 0.7
_STRIP_FILL = 0.94
# A recording whose loudest sample is fainter is drawn as silence.
_SILENCE = 0.002


class Levels(NamedTuple):
    """The levels of a sound in equal parts of its duration, from 0 to 1.

    Attributes:
        peak: float32, [parts]; largest sample.
        rms: float32, [parts]; root of the mean square.
    """

    peak: "np.ndarray"
    rms: "np.ndarray"

    def parts(self, count: int) -> "Levels":
        """Return the levels in at most ``count`` parts, each with the largest of its levels."""
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

        count = min(count, len(self.peak))
        starts = np.arange(count) * len(self.peak) // count
        return Levels(np.maximum.reduceat(self.peak, starts), np.maximum.reduceat(self.rms, starts))


def measure(chunks: Iterable["np.ndarray"], samples: int, parts: int) -> Levels:
    """Measure a sound whose memory does not grow with its duration.

    Args:
        chunks: float32, [samples], in order.
        samples: expected number of samples in all; later ones count to the last part.
        parts: number of parts.
    """
    import numpy as np  # noqa: PLC0415 - see Levels.parts

    peak, energy, count = (np.zeros(parts) for _ in range(3))
    done = 0
    for chunk in chunks:
        if not len(chunk):
            continue
        at = np.minimum(np.arange(done, done + len(chunk)) * parts // max(1, samples), parts - 1)
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        part = at[starts]
        np.maximum.at(peak, part, np.maximum.reduceat(np.abs(chunk), starts))
        np.add.at(energy, part, np.add.reduceat(np.square(chunk, dtype=np.float64), starts))
        np.add.at(count, part, np.diff(starts, append=len(chunk)))
        done += len(chunk)
    rms = np.sqrt(energy / np.maximum(count, 1))
    return Levels(peak.astype(np.float32).clip(0, 1), rms.astype(np.float32).clip(0, 1))


def poster(levels: Levels, width: int) -> "Image.Image":
    """Draw the waveform as bars on a dark picture of 16:9."""
    from PIL import Image  # noqa: PLC0415 - see Levels.parts

    height = max(1, width * 9 // 16)
    image = Image.new("RGB", (width, height), _BACKGROUND)
    _draw(image, levels.parts(_POSTER_BARS), fill=_POSTER_FILL, gap=0.4, colours=(_FAINT, _SOLID))
    return image


def strip(levels: Levels, height: int) -> "Image.Image":
    """Draw the waveform on a transparent strip, a pixel wide for each part."""
    from PIL import Image  # noqa: PLC0415 - see Levels.parts

    image = Image.new("RGBA", (len(levels.peak), height), (0, 0, 0, 0))
    colours = ((*_SOLID, 110), (*_SOLID, 255))
    _draw(image, levels, fill=_STRIP_FILL, gap=0.0, colours=colours)
    return image


def _draw(
    image: "Image.Image",
    levels: Levels,
    *,
    fill: float,
    gap: float,
    colours: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    """Draw a bar for each part, mirrored at the middle: its peak faint, its mean solid.

    Bars are relative to the loudest peak, so that quiet recordings are seen.
    """
    from PIL import ImageDraw  # noqa: PLC0415 - see Levels.parts

    canvas = ImageDraw.Draw(image)
    loudest = float(levels.peak.max())
    gain = 1 / loudest if loudest >= _SILENCE else 0.0
    middle, step = image.height / 2, image.width / len(levels.peak)
    for values, colour in zip(levels, colours, strict=True):
        for number, value in enumerate(values):
            reach = max(0.5, float(value) * gain * fill * middle)
            left = round((number + gap / 2) * step)
            right = max(left, round((number + 1 - gap / 2) * step) - 1)
            top = round(middle - reach)
            bottom = max(top, round(middle + reach) - 1)
            canvas.rectangle((left, top, right, bottom), fill=colour)
