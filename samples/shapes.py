"""Coloured shapes drawn on an image, with the exact box of each.

Coordinates are pixels, x to the right and y down, (0, 0) the corner of the first pixel: a box
(left, top, right, bottom) that covers that pixel alone is (0, 0, 1, 1). Images are [height, width,
3], RGB, uint8.
"""

import math
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]  # [n, 2], x and y
RGB = tuple[int, int, int]

PAINTS: Final[dict[str, RGB]] = {
    "red": (214, 44, 44),
    "green": (52, 168, 62),
    "blue": (42, 92, 214),
    "yellow": (240, 214, 44),
    "orange": (244, 132, 32),
    "purple": (130, 52, 160),
    "white": (246, 246, 246),
    "black": (24, 24, 26),
    "pink": (244, 126, 182),
    "brown": (120, 76, 42),
}
_SHIFT: Final = 4  # binary digits after the point in OpenCV's coordinates
_HOLE: Final = 0.58  # of a ring, as a share of its radius


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def within(self, width: int, height: int) -> Self:
        """Return the part inside an image."""
        return type(self)(
            max(0.0, self.left),
            max(0.0, self.top),
            min(float(width), self.right),
            min(float(height), self.bottom),
        )

    @property
    def area(self) -> float:
        """Return the area, 0 for an empty box."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def scaled(self, factor: float) -> Self:
        """Return the box in an image scaled by a factor."""
        return type(self)(*(factor * edge for edge in self.edges))

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class Style:
    """The paint of a figure: shading 0 to 1 (light from above), an outline, a shadow 0 to 1."""

    shading: float = 0.0
    outline: RGB | None = None
    shadow: float = 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A shape at a place: radius in pixels, angle in radians, stretch is its width to height."""

    shape: str
    rgb: RGB
    x: float
    y: float
    radius: float
    angle: float = 0.0
    stretch: float = 1.0
    style: Style = Style()

    def points(self) -> Points:
        """Return the outline."""
        wide = math.sqrt(self.stretch)
        points = outline(self.shape) * (self.radius * wide, self.radius / wide)
        sine, cosine = math.sin(self.angle), math.cos(self.angle)
        turned: Points = points @ np.array([[cosine, sine], [-sine, cosine]])
        turned += np.array([self.x, self.y])
        return turned

    def box(self) -> Box:
        """Return the box around the outline, which may exceed the image."""
        points = self.points()
        (left, top), (right, bottom) = points.min(0), points.max(0)
        return Box(float(left), float(top), float(right), float(bottom))


def outline(shape: str) -> Points:
    """Return a shape's outline around (0, 0), approximately within a radius of 1."""
    turn = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    match shape:
        case "circle" | "ring":
            return np.stack([np.cos(turn), np.sin(turn)], 1)
        case "square":
            return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.86
        case "triangle":
            return np.array([[0, -1], [0.95, 0.72], [-0.95, 0.72]])
        case "star":
            corner = np.arange(10) * math.pi / 5 - math.pi / 2
            reach = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
            return np.stack([reach * np.cos(corner), reach * np.sin(corner)], 1)
        case "cross":
            arm = 0.33
            quarter = np.array([[-arm, -1], [arm, -1], [arm, -arm]])
            turns = ([[1, 0], [0, 1]], [[0, 1], [-1, 0]], [[-1, 0], [0, -1]], [[0, -1], [1, 0]])
            return np.concatenate([quarter @ np.array(matrix) for matrix in turns])
        case "heart":
            x = 16 * np.sin(turn) ** 3
            y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
            return np.stack([x, -y], 1) / 16.5
        case _:
            message = f"no shape {shape!r}"
            raise ValueError(message)


def draw(image: Image, figure: Figure) -> None:
    """Paint a figure onto an image, with soft edges."""
    points = figure.points()
    margin = 3 + (figure.radius * 0.4 if figure.style.shadow else 0)
    height, width = image.shape[:2]
    left, top = (max(0, math.floor(v - margin)) for v in points.min(0))
    right, bottom = (math.ceil(v + margin) for v in points.max(0))
    part = image[top : min(bottom, height), left : min(right, width)]
    if not part.size:
        return
    points = points - (left, top)
    canvas = part.astype(np.float32)
    if figure.style.shadow:
        _cast_shadow(canvas, figure, points)
    cover = _cover(part.shape[:2], figure.shape, points)[..., None]
    canvas += (_paint(figure, points, canvas.shape) - canvas) * cover
    painted = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    if figure.style.outline is not None:
        edge = _fixed(points)
        cv2.polylines(painted, [edge], True, figure.style.outline, 2, cv2.LINE_AA, _SHIFT)
    part[:] = painted


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    """Return points as OpenCV's fixed-point numbers, which count from pixel centres."""
    fixed: npt.NDArray[np.int32] = np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int32)
    return fixed


def _cover(size: tuple[int, ...], shape: str, points: Points) -> npt.NDArray[np.float32]:
    """Return the share of each pixel that the shape covers, 0 to 1."""
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [_fixed(points)], (255,), cv2.LINE_AA, _SHIFT)
    if shape == "ring":
        middle = points.mean(0)
        hole = middle + (points - middle) * _HOLE
        cv2.fillPoly(mask, [_fixed(hole)], (0,), cv2.LINE_AA, _SHIFT)
    return mask.astype(np.float32) / np.float32(255)


def _cast_shadow(canvas: npt.NDArray[np.float32], figure: Figure, points: Points) -> None:
    offset = figure.radius * 0.12
    mask = _cover(canvas.shape[:2], figure.shape, points + offset)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.8, figure.radius * 0.08)).astype(np.float32)
    canvas *= 1 - 0.6 * figure.style.shadow * mask[..., None]


def _paint(figure: Figure, points: Points, size: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return the figure's colour at each row: lighter above, darker below."""
    rows = np.arange(size[0], dtype=np.float32) + 0.5
    top, bottom = points[:, 1].min(), points[:, 1].max()
    down = np.clip((rows - top) / max(1.0, bottom - top), 0, 1)
    light = figure.style.shading * (0.5 - down) * 90
    paint: npt.NDArray[np.float32] = np.clip(
        np.array(figure.rgb, np.float32) + light[:, None], 0, 255
    ).astype(np.float32)
    return paint[:, None, :]
