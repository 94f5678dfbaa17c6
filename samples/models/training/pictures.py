"""Training pictures for a detector, with labels in YOLO's format.

Most are frames of harsh shots, coded as H.264 and halved, as a detector at 320 pixels gets a video
of 640. The rest are stills with JPEG artefacts, blur and noise.
"""

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np

from samples import grammar
from samples.backgrounds import harsh_background
from samples.chance import happens
from samples.ffmpeg import piped
from samples.scenes import Shot, ShotSpec, Size, shot
from samples.shapes import PAINTS, Box, Figure, Image, Style, draw

SIDE: Final = 256  # pixels: square pictures need no padding in training
_FPS: Final = 5
_SHOT: Final = 1.6  # s
_FILM_SHARE: Final = 0.65
_LEAST_SEEN: Final = 0.5  # share of a box that must be in the picture
_LEAST_APART: Final = 0.8  # of two radii


class Labelled(NamedTuple):
    """A picture, and the shapes in it: names and boxes."""

    image: Image
    objects: list[tuple[str, Box]]


def still(rng: random.Random) -> Labelled:
    """Draw a single picture."""
    image = harsh_background(SIDE, SIDE, rng)
    figures: list[Figure] = []
    for _ in range(rng.choice((0, *range(1, 7), *range(1, 7)))):
        figure = _placed(image, figures, rng)
        if figure is not None:
            draw(image, figure)
            figures.append(figure)
    objects = [(figure.shape, figure.box()) for figure in figures]
    return Labelled(_spoilt(image, rng), _visible(objects))


def film(rng: random.Random) -> Iterator[Labelled]:
    """Yield the frames of a short shot, coded as H.264 and halved."""
    size = Size(2 * SIDE, 2 * SIDE)
    # Its shapes are sized by the shorter side; a frame of 640x360 has 360.
    spec = ShotSpec(size, _SHOT, fps=_FPS, actors=(1, 7), harsh=happens(rng, 0.7))
    made = shot(spec, rng)
    for number, image in enumerate(_through_h264(made, rng.randint(22, 38))):
        half = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        seen = [(one.shape, one.box.scaled(0.5)) for one in made.seen(number)]
        yield Labelled(np.asarray(half, np.uint8), _visible(seen))


def write(folder: Path, count: int, name: str) -> None:
    """Write `count` pictures and labels, always the same for a name; resume where it stopped."""
    for part in ("images", "labels"):
        (folder / part / name).mkdir(parents=True, exist_ok=True)
    done = len(list((folder / "labels" / name).glob("*.txt")))
    begun, number, batch = time.monotonic(), 0, 0
    while number < count:
        rng = random.Random(f"pictures {name} {batch}")
        frames = round(_SHOT * _FPS)
        filmed = happens(rng, _FILM_SHARE)
        if number + frames > done:
            made = list(film(rng)) if filmed else [still(rng) for _ in range(frames)]
            for offset, picture in enumerate(made):
                _write_one(folder, name, number + offset, picture)
        number, batch = number + frames, batch + 1
        if batch % 50 == 0:
            spent = time.monotonic() - begun
            print(f"pictures {name}: {number}/{count}, {spent:.0f} s", flush=True)


def _write_one(folder: Path, name: str, number: int, picture: Labelled) -> None:
    path = folder / "images" / name / f"{number:05}.png"
    cv2.imwrite(str(path), cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR))
    rows = []
    for shape, box in picture.objects:
        left, top, right, bottom = (edge / SIDE for edge in box.edges)
        middle = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        rows.append(f"{grammar.SHAPES.index(shape)} " + " ".join(f"{v:.6f}" for v in middle))
    (folder / "labels" / name / f"{number:05}.txt").write_text("\n".join(rows), encoding="ascii")


def _placed(image: Image, others: list[Figure], rng: random.Random) -> Figure | None:
    """Return a figure with enough contrast and little overlap, or None."""
    shape = rng.choice(grammar.SHAPES)
    radius = math.exp(rng.uniform(math.log(8), math.log(58)))
    for _ in range(20):
        x, y = (rng.uniform(-0.1 * radius, SIDE + 0.1 * radius) for _ in range(2))
        gaps = (math.hypot(x - o.x, y - o.y) - _LEAST_APART * (radius + o.radius) for o in others)
        if min(gaps, default=1) > 0:
            break
    else:
        return None
    jitter = (rng.randint(-24, 24) for _ in range(3))
    paint = PAINTS[rng.choice(grammar.COLOURS)]
    red, green, blue = (min(255, max(0, c + j)) for c, j in zip(paint, jitter, strict=True))
    behind = image[min(SIDE - 1, max(0, int(y))), min(SIDE - 1, max(0, int(x)))].astype(int)
    outline = None
    if np.abs(behind - (red, green, blue)).sum() < 90 or happens(rng, 0.12):  # noqa: PLR2004
        outline = (60, 60, 66) if behind.sum() > 330 else (236, 236, 236)  # noqa: PLR2004
    style = Style(rng.random(), outline, rng.choice((0.0, 0.0, rng.random())))
    turns = happens(rng, 0.3) and shape != "square"
    angle = rng.uniform(-math.pi, math.pi) if turns else rng.uniform(-0.5, 0.5)
    return Figure(shape, (red, green, blue), x, y, radius, angle, rng.uniform(0.75, 1.33), style)


def _visible(objects: list[tuple[str, Box]]) -> list[tuple[str, Box]]:
    """Return the objects that are visible enough for a label, clipped to the picture."""
    kept = []
    for shape, box in objects:
        inside = box.within(SIDE, SIDE)
        if inside.area > _LEAST_SEEN * box.area and inside.area > 20:  # noqa: PLR2004 (pixels)
            kept.append((shape, inside))
    return kept


def _spoilt(image: Image, rng: random.Random) -> Image:
    noise = np.random.default_rng(rng.getrandbits(32))
    canvas = image.astype(np.float32)
    if happens(rng, 0.25):
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.4)).astype(np.float32)
    if happens(rng, 0.25):
        small = cv2.resize(canvas, None, fx=(f := rng.uniform(0.5, 0.9)), fy=f)
        canvas = cv2.resize(small, (SIDE, SIDE)).astype(np.float32)
    if happens(rng, 0.3):
        canvas += noise.normal(0, rng.uniform(2, 12), canvas.shape).astype(np.float32)
    if happens(rng, 0.3):
        canvas = (canvas - 128) * rng.uniform(0.6, 1.25) + 128 + rng.uniform(-25, 25)
    result = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    if happens(rng, 0.7):
        quality = [cv2.IMWRITE_JPEG_QUALITY, rng.randint(22, 95)]
        _, data = cv2.imencode(".jpg", result[..., ::-1], quality)
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        result = np.asarray(decoded, np.uint8)[..., ::-1]
    return result


def _through_h264(made: Shot, crf: int) -> list[Image]:
    """Encode and decode a shot."""
    width, height = made.size
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {made.fps} -i pipe:0"
    x264 = f"-c:v libx264 -preset veryfast -crf {crf} -pix_fmt yuv420p -threads 1"
    frames = b"".join(image.tobytes() for image in made.frames())
    coded = piped(f"{raw} {x264} -f matroska pipe:1".split(), frames)
    decoded = piped(["-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"], coded)
    return list(np.frombuffer(decoded, np.uint8).reshape(-1, height, width, 3))
