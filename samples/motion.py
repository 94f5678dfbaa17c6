"""The motion of shapes: discs that glide, and bounce off the walls and each other.

Bouncing keeps them apart, so that nearly every shape is fully visible.
"""

import math
import random
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_FLOATS = npt.NDArray[np.float64]
_STEPS: Final = 3  # of the simulation in a frame


class Path(NamedTuple):
    """A disc's path: x, y in pixels at each frame [frames, 2], and its radius."""

    places: _FLOATS
    radius: float

    def heading(self, first: int, last: int) -> tuple[float, float]:
        """Return the displacement between two frames, x and y in pixels."""
        last = min(last, len(self.places) - 1)
        dx, dy = self.places[last] - self.places[min(first, last)]
        return float(dx), float(dy)


def glide(
    radii: list[float], size: tuple[int, int], frames: int, fps: int, rng: random.Random
) -> list[Path]:
    """Simulate discs in a (width, height) box, frame by frame."""
    bounds = np.array(size, np.float64)
    radius = np.array(radii)
    place = _apart(radius, bounds, rng)
    speed = np.array([_velocity(bounds, rng) for _ in radii]).reshape(-1, 2) / (fps * _STEPS)
    places = np.empty((frames, len(radii), 2))
    for frame in range(frames):
        places[frame] = place
        for _ in range(_STEPS):
            place = place + speed
            _bounce_walls(place, speed, radius, bounds)
            _bounce_discs(place, speed, radius)
    return [Path(places[:, index], float(radius[index])) for index in range(len(radii))]


def _velocity(bounds: _FLOATS, rng: random.Random) -> tuple[float, float]:
    """Draw a velocity in pixels per second, mostly along one axis, so that it has a name."""
    quick = float(bounds.min()) * rng.uniform(0.12, 0.5)
    angle = rng.randrange(4) * math.pi / 2 + rng.uniform(-0.4, 0.4)
    return quick * math.cos(angle), quick * math.sin(angle)


def _apart(radius: _FLOATS, bounds: _FLOATS, rng: random.Random) -> _FLOATS:
    """Draw initial places that do not touch; without room, return the last attempt."""
    place = np.zeros((len(radius), 2))
    for index, own in enumerate(radius):
        for _ in range(200):
            place[index] = [rng.uniform(own, max(own, edge - own)) for edge in bounds]
            gaps = np.hypot(*(place[:index] - place[index]).T) - radius[:index] - own
            if not len(gaps) or gaps.min() > 0:
                break
    return place


def _bounce_walls(place: _FLOATS, speed: _FLOATS, radius: _FLOATS, bounds: _FLOATS) -> None:
    low, high = place < radius[:, None], place > bounds - radius[:, None]
    speed[low] = np.abs(speed[low])
    speed[high] = -np.abs(speed[high])


def _bounce_discs(place: _FLOATS, speed: _FLOATS, radius: _FLOATS) -> None:
    """Exchange the velocities of colliding discs along their line (equal masses, elastic)."""
    for first in range(len(radius)):
        for second in range(first + 1, len(radius)):
            between = place[second] - place[first]
            distance = float(np.hypot(*between)) + 1e-9
            if distance >= radius[first] + radius[second]:
                continue
            line = between / distance
            closing = float((speed[first] - speed[second]) @ line)
            if closing > 0:
                speed[first] -= closing * line
                speed[second] += closing * line
