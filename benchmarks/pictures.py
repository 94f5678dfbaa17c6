"""Pictures for the inputs: a talking head, slides, and motion; a loop of 20 s of each."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.alternatives.command import ffmpeg

Content = Literal["talking", "slides", "motion"]
Codec = Literal["h264", "hevc"]

SIZE: Final = (1280, 720)
FPS: Final = 30
LOOP_S: Final = 20
_GOP: Final = 2 * FPS
_SLIDE_S: Final = 10
_RAW: Final = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}", "-r", str(FPS))
_CODECS: Final = {
    "h264": (
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p",
        "-g", str(_GOP), "-keyint_min", str(_GOP), "-sc_threshold", "0", "-threads", "1",
        "-maxrate", "3500k", "-bufsize", "7000k",  # below the ladder's, so that it conforms
    ),
    "hevc": (
        "-c:v", "libx265", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p",
        "-x265-params", f"keyint={_GOP}:min-keyint={_GOP}:scenecut=0:pools=1:log-level=error",
        "-tag:v", "hvc1",
    ),
}  # fmt: skip
# Everything moves: a zoom into a fractal, a test picture that turns, and noise.
_MOTION: Final = (
    f"mandelbrot=s={SIZE[0]}x{SIZE[1]}:r={FPS},format=yuv420p[a];"
    f"testsrc2=s=640x360:r={FPS},format=yuv420p[b];"
    "[a][b]overlay=x='320+300*sin(t)':y='180+150*cos(t)':shortest=1,noise=c0s=8:c0f=t"
)
_NOISE: Final = "noise=c0s=3:c0f=t"  # of a camera's sensor


def encode(content: Content, codec: Codec, target: Path) -> None:
    """Write a loop of this content, without sound."""
    out: tuple[str | Path, ...] = (
        "-t",
        str(LOOP_S),
        *_CODECS[codec],
        "-fflags",
        "+bitexact",
        target,
    )
    if content == "motion":
        ffmpeg("-filter_complex", _MOTION, *out)
        return
    frames = _talking() if content == "talking" else _slides()
    noise = ("-vf", _NOISE) if content == "talking" else ()
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *_RAW, "-i", "pipe:0", *noise, *out]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as running:  # noqa: S603 - our own
        if running.stdin is None:
            raise RuntimeError("ffmpeg has no input.")
        for frame in frames:
            running.stdin.write(frame.tobytes())
        running.stdin.close()
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)


def _talking() -> Iterator[Image.Image]:
    """Draw a head and shoulders before a shelf; the head sways and the mouth moves."""
    room = _room()
    for number in range(LOOP_S * FPS):
        time = number / FPS
        image = room.copy()
        draw = ImageDraw.Draw(image)
        x, y = 640 + 14 * np.sin(0.7 * time), 330 + 6 * np.sin(1.9 * time)
        draw.ellipse((x - 280, y + 190, x + 280, y + 690), fill=(52, 66, 104))
        draw.rectangle((x - 45, y + 120, x + 45, y + 230), fill=(196, 148, 122))
        draw.ellipse((x - 120, y - 160, x + 120, y + 160), fill=(216, 168, 140))
        draw.chord((x - 125, y - 170, x + 125, y + 110), 180, 360, fill=(70, 48, 36))
        for side in (-1, 1):
            draw.ellipse((x + side * 48 - 15, y - 18, x + side * 48 + 15, y + 4), fill="white")
            draw.ellipse((x + side * 48 - 7, y - 15, x + side * 48 + 7, y + 1), fill="black")
        opening = 4 + 14 * abs(np.sin(7.3 * time) * np.sin(1.1 * time))
        draw.ellipse((x - 38, y + 82 - opening, x + 38, y + 82 + opening), fill=(120, 40, 44))
        yield image


def _room() -> Image.Image:
    rng = np.random.default_rng(1)
    wall = np.linspace(150, 90, SIZE[1])[:, None, None] * np.array([1.0, 0.95, 0.85])
    grain = rng.normal(0, 3, (SIZE[1], SIZE[0], 1))
    room = Image.fromarray(np.clip(wall + grain, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(room)
    for shelf in (120, 300, 480):
        draw.rectangle((0, shelf, SIZE[0], shelf + 14), fill=(92, 64, 44))
        for left in range(10, SIZE[0], 34):
            height = int(rng.integers(60, 110))
            colour = tuple(int(part) for part in rng.integers(40, 200, 3))
            draw.rectangle((left, shelf - height, left + 26, shelf), fill=colour)
    return room


def _slides() -> Iterator[Image.Image]:
    """Draw a slide of text for 10 s at a time."""
    title, body = (ImageFont.load_default(size) for size in (54, 34))
    for slide in range(LOOP_S // _SLIDE_S):
        image = Image.new("RGB", SIZE, (250, 250, 247))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, SIZE[0], 24), fill=(30, 80, 140))
        draw.text((90, 80), f"Part {slide + 1}: results of the survey", font=title, fill="black")
        for line in range(6):
            text = f"- question {slide * 6 + line + 1}: the answers of the second group"
            draw.text((110, 200 + 70 * line), text, font=body, fill=(50, 50, 60))
        for _ in range(_SLIDE_S * FPS):
            yield image
