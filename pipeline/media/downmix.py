"""A mix of several channels to one by energy, for machines that listen.

A sum loses what has opposite signs in two channels: a cable with a swapped pair makes it silent.
Here each part of the spectrum keeps the energy of all channels, and has the phase of their sum.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LAYOUT = "5.0"
"""The layout of channels to mix: with a centre, and without the low-frequency effects."""

WEIGHTS = (0.5, 0.5, 1.0, 0.5, 0.5)
"""Shares of energy of left, right, centre, and two surround channels.

Speech is as loud from the centre as it is from left and right together.
"""

_FRAME = 512  # samples of one transform, 32 ms at 16 kHz
_HOP = _FRAME // 2
_PULL = 0.25  # share of the reference channel in the phase, for parts whose sum is silent
_LOUDER = 4.0  # times the energy of the reference channel that replace it


class Downmix:
    """A mix of blocks of one sound.

    Args:
        weights: share of energy of each channel.
    """

    def __init__(self, weights: Sequence[float] = WEIGHTS) -> None:
        self._weights = weights
        self._reference = 0

    def mix(self, block: "np.ndarray") -> "np.ndarray":
        """Return a block as one channel.

        Args:
            block: float32 [samples, channels].

        Returns:
            float32 [samples]; the channel itself where all others are silent or the same.
        """
        import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

        live = [n for n in range(block.shape[1]) if block[:, n].any()]
        if not live:
            return np.zeros(len(block), np.float32)
        first = block[:, live[0]]
        if all(np.array_equal(block[:, n], first) for n in live[1:]):
            share = sum(self._weights[n] for n in live)
            return np.ascontiguousarray(first) * np.float32(share**0.5)
        energies = {n: self._weights[n] * float(np.square(block[:, n]).sum()) for n in live}
        loudest = max(live, key=lambda n: energies[n])
        if energies[loudest] > _LOUDER * energies.get(self._reference, 0.0):
            self._reference = loudest
        return self._mixed(block, live)

    def _mixed(self, block: "np.ndarray", live: Sequence[int]) -> "np.ndarray":
        import numpy as np  # noqa: PLC0415 - see above

        window = np.sqrt(np.hanning(_FRAME + 1)[:_FRAME]).astype(np.float32)
        length = len(block)
        frames = -(-length // _HOP) + 1
        padded = np.zeros((_HOP * (frames + 1), len(live)), np.float32)
        padded[_HOP : _HOP + length] = block[:, live]
        spectra = {
            n: np.fft.rfft(
                np.lib.stride_tricks.sliding_window_view(padded[:, place], _FRAME)[::_HOP] * window
            )
            for place, n in enumerate(live)
        }
        total = sum(self._weights[n] * spectrum for n, spectrum in spectra.items())
        energy = sum(self._weights[n] * np.abs(spectrum) ** 2 for n, spectrum in spectra.items())
        pull = _PULL * self._weights[self._reference] ** 0.5
        direction = total + pull * spectra[self._reference]
        size = np.maximum(np.abs(direction), 1e-12)
        pieces = np.fft.irfft(direction / size * np.sqrt(energy), _FRAME) * window
        mixed = np.zeros(len(padded), np.float32)
        mixed[: frames * _HOP] += pieces[:, :_HOP].ravel()
        mixed[_HOP : _HOP + frames * _HOP] += pieces[:, _HOP:].ravel()
        return mixed[_HOP : _HOP + length]
