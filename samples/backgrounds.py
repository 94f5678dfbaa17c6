"""Backgrounds of the shapes: skies, hills, blurred lights, paper, patterns."""

import math
import random
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from samples.shapes import RGB, Image

_Canvas = npt.NDArray[np.float32]  # [height, width, 3], RGB, 0 to 255

_PALETTES: Final[tuple[tuple[RGB, RGB, RGB], ...]] = (
    ((186, 222, 244), (250, 240, 220), (128, 176, 130)),  # morning
    ((28, 36, 72), (92, 70, 120), (40, 52, 66)),  # night
    ((250, 204, 164), (238, 150, 130), (126, 92, 110)),  # evening
    ((214, 232, 226), (168, 206, 200), (92, 140, 140)),  # sea
    ((238, 232, 218), (222, 208, 184), (176, 158, 130)),  # paper
    ((206, 200, 232), (232, 214, 236), (150, 138, 186)),  # lilac
    ((58, 64, 70), (96, 104, 112), (70, 78, 86)),  # slate
)


def background(width: int, height: int, rng: random.Random) -> Image:
    """Return a background in one of the palettes."""
    palette = rng.choice(_PALETTES)
    makers: tuple[Callable[..., _Canvas], ...] = (_sky, _hills, _lights, _stripes, _clouds)
    canvas = rng.choice(makers)(width, height, palette, rng)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def harsh_background(width: int, height: int, rng: random.Random) -> Image:
    """Return a background of random colours, so that a detector cannot rely on the palettes."""

    def any_colour() -> RGB:
        return rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255)

    palette = (any_colour(), any_colour(), any_colour())
    makers = (_sky, _hills, _lights, _stripes, _clouds, _checks)
    canvas = rng.choice(makers)(width, height, palette, rng)
    for _ in range(rng.choice((0, 0, 0, 2, 5))):
        start, end = ((rng.randint(0, width), rng.randint(0, height)) for _ in range(2))
        cv2.line(canvas, start, end, any_colour(), rng.randint(1, 4), cv2.LINE_AA)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def _sky(width: int, height: int, palette: tuple[RGB, RGB, RGB], rng: random.Random) -> _Canvas:
    angle = rng.uniform(0.25, 0.75) * math.pi
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    along = math.cos(angle) * x / width + math.sin(angle) * y / height
    along = (along - along.min()) / max(1e-6, float(np.ptp(along)))
    first, second = (np.array(rgb, np.float32) for rgb in palette[:2])
    canvas: _Canvas = first + (second - first) * along[..., None]
    return canvas


def _hills(width: int, height: int, palette: tuple[RGB, RGB, RGB], rng: random.Random) -> _Canvas:
    canvas = _sky(width, height, palette, rng)
    x = np.linspace(0, 2 * math.pi, 48)
    layers = rng.randint(2, 3)
    for layer in range(layers):
        level = 0.62 + 0.16 * layer
        ridge = level + sum(
            rng.uniform(0.01, 0.05) / wave * np.sin(wave * x + rng.uniform(0, 6))
            for wave in (1, 2, 3)
        )
        points = np.stack([np.linspace(0, width, len(x)), np.asarray(ridge) * height], 1)
        corners = np.array([[width, height], [0, height]])
        outline = np.concatenate([points, corners]).astype(np.int32)
        rgb = [channel * (1.08 - 0.16 * layer) for channel in palette[2]]
        cv2.fillPoly(canvas, [outline], rgb, cv2.LINE_AA)
    return canvas


def _lights(width: int, height: int, palette: tuple[RGB, RGB, RGB], rng: random.Random) -> _Canvas:
    canvas = _sky(width, height, palette, rng)
    glow = canvas.copy()
    for _ in range(rng.randint(6, 14)):
        place = (rng.randint(0, width), rng.randint(0, height))
        rgb = [min(255, channel + rng.randint(10, 50)) for channel in rng.choice(palette)]
        cv2.circle(glow, place, round(rng.uniform(0.04, 0.16) * height), rgb, -1, cv2.LINE_AA)
    glow = cv2.GaussianBlur(glow, (0, 0), height * 0.02).astype(np.float32)
    mixed: _Canvas = canvas * np.float32(0.55) + glow * np.float32(0.45)
    return mixed


def _stripes(width: int, height: int, palette: tuple[RGB, RGB, RGB], rng: random.Random) -> _Canvas:
    canvas = _sky(width, height, palette, rng)
    angle, period = rng.uniform(0, math.pi), rng.uniform(0.08, 0.3) * height
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = np.sin((math.cos(angle) * x + math.sin(angle) * y) * 2 * math.pi / period)
    ridges = np.clip(wave * 4, -1, 1).astype(np.float32) * np.float32(rng.uniform(3, 9))
    canvas += ridges[..., None]
    return canvas


def _clouds(width: int, height: int, palette: tuple[RGB, RGB, RGB], rng: random.Random) -> _Canvas:
    canvas = _sky(width, height, palette, rng)
    cells = rng.choice((3, 5, 9))
    grain = np.array([rng.uniform(-1, 1) for _ in range(cells * cells)], np.float32)
    soft = cv2.resize(grain.reshape(cells, cells), (width, height), interpolation=cv2.INTER_CUBIC)
    canvas += soft[..., None].astype(np.float32) * np.float32(rng.uniform(8, 30))
    return canvas


def _checks(width: int, height: int, palette: tuple[RGB, RGB, RGB], rng: random.Random) -> _Canvas:
    canvas = _sky(width, height, palette, rng)
    cell = rng.choice((12, 20, 32, 48))
    y, x = np.mgrid[0:height, 0:width]
    odd = ((x // cell + y // cell) % 2)[..., None]
    canvas += odd.astype(np.float32) * np.float32(rng.uniform(-40, 40))
    return canvas
