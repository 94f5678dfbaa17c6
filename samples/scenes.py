"""A shot: some seconds of moving shapes and their narration, with exact ground truth."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from samples import grammar
from samples.backgrounds import background, harsh_background
from samples.chance import happens
from samples.motion import Path, glide
from samples.shapes import PAINTS, RGB, Box, Figure, Image, Style, draw
from samples.speech import Audio, Manner, Utterance, Word, speak

SPEECH_RATE: Final = 22_050  # Hz, espeak-ng's own
_GROWING: Final = 0.4  # s that a new shape grows
_LARGE, _SMALL = 0.115, 0.085  # of the shorter side: radius of a big, a small shape
_PLAIN, _FAINT = 170, 90  # of 765: enough contrast to the backdrop, one that needs an outline
_STILL: Final = 0.06  # of the shorter side: a shift too small to name


class Size(NamedTuple):
    """The size of a video in pixels."""

    width: int
    height: int

    @property
    def shorter(self) -> int:
        """Return the shorter side."""
        return min(self)


@dataclass(frozen=True, slots=True)
class Actor:
    """A shape of a shot: its look, its path and the time at which it appears (s)."""

    shape: str
    colour: str
    rgb: RGB
    style: Style
    path: Path
    angles: tuple[float, float]  # radians at the start, radians per second
    appears: float

    @property
    def kind(self) -> tuple[str, str]:
        """Return colour and shape."""
        return self.colour, self.shape

    def figure(self, frame: int, fps: int) -> Figure | None:
        """Return its figure in a frame, or None before it appears."""
        time = frame / fps
        grown = 1.0 if self.appears <= 0 else min(1.0, (time - self.appears) / _GROWING)
        if grown <= 0:
            return None
        x, y = self.path.places[frame]
        angle = self.angles[0] + self.angles[1] * time
        radius = self.path.radius * grown
        return Figure(self.shape, self.rgb, float(x), float(y), radius, angle, style=self.style)


class Seen(NamedTuple):
    """A shape in a frame."""

    shape: str
    colour: str
    box: Box


@dataclass(frozen=True, slots=True)
class Line:
    """A narrated sentence and when it starts in the shot (s)."""

    utterance: Utterance
    start: float

    @property
    def words(self) -> tuple[Word, ...]:
        """Return the words, with times in the shot."""
        return tuple(word.later(self.start) for word in self.utterance.words)

    @property
    def end(self) -> float:
        """Return when the last word ends."""
        return self.start + self.utterance.words[-1].end


@dataclass(frozen=True, slots=True)
class Shot:
    """Some seconds of video."""

    size: Size
    fps: int
    count: int  # frames
    backdrop: Image
    actors: tuple[Actor, ...]
    lines: tuple[Line, ...]

    @property
    def seconds(self) -> float:
        """Return the duration."""
        return self.count / self.fps

    def frame(self, number: int) -> Image:
        """Paint a frame."""
        image = self.backdrop.copy()
        for actor in self.actors:
            figure = actor.figure(number, self.fps)
            if figure is not None:
                draw(image, figure)
        return image

    def frames(self) -> Iterator[Image]:
        """Paint all frames, one by one."""
        return (self.frame(number) for number in range(self.count))

    def seen(self, number: int) -> list[Seen]:
        """Return the shapes of a frame and their boxes."""
        found = []
        for actor in self.actors:
            figure = actor.figure(number, self.fps)
            if figure is not None:
                box = figure.box().within(*self.size)
                found.append(Seen(actor.shape, actor.colour, box))
        return found

    def sound(self) -> Audio:
        """Return the narration [samples], at SPEECH_RATE."""
        audio = np.zeros(round(self.seconds * SPEECH_RATE), np.float32)
        for line in self.lines:
            begin = round(line.start * SPEECH_RATE)
            part = line.utterance.audio[: len(audio) - begin]
            audio[begin : begin + len(part)] += 0.6 * part
        return audio


@dataclass(frozen=True, slots=True)
class ShotSpec:
    """The parameters of a shot. A harsh shot has random colours, for the training of a detector."""

    size: Size
    seconds: float
    fps: int = 15
    actors: tuple[int, int] = (2, 5)
    voice: str | None = None  # None: no speech
    harsh: bool = False


def shot(spec: ShotSpec, rng: random.Random) -> Shot:
    """Make a shot. Its narration has held-out sentences only."""
    count = round(spec.seconds * spec.fps)
    make = harsh_background if spec.harsh else background
    backdrop = make(*spec.size, rng)
    if spec.actors[1] == 0:
        backdrop = background(*spec.size, rng)
    number = rng.randint(*spec.actors)
    radii = [spec.size.shorter * rng.uniform(0.06, 0.17) for _ in range(number)]
    paths = glide(radii, spec.size, count, spec.fps, rng)
    actors: list[Actor] = []
    for path in paths:
        actors.append(_actor(path, backdrop, actors, rng, harsh=spec.harsh))
    lines: list[Line] = []
    if spec.voice is not None:
        actors, lines = _narrated(actors, spec, spec.voice, rng)
    return Shot(spec.size, spec.fps, count, backdrop, tuple(actors), tuple(lines))


def _actor(
    path: Path, backdrop: Image, others: list[Actor], rng: random.Random, *, harsh: bool
) -> Actor:
    shape = rng.choice(grammar.SHAPES)
    colours = [colour for colour in grammar.COLOURS if colour not in {o.colour for o in others}]
    rng.shuffle(colours)
    contrasts = {name: _contrast(PAINTS[name], backdrop) for name in colours}
    standing_out = (name for name in colours if contrasts[name] > _PLAIN)
    colour = next(standing_out, max(colours, key=contrasts.__getitem__))
    jitter = 22 if harsh else 8
    red, green, blue = (
        min(255, max(0, channel + rng.randint(-jitter, jitter))) for channel in PAINTS[colour]
    )
    faint = _contrast((red, green, blue), backdrop) < _FAINT
    light = sum((red, green, blue)) > 330  # noqa: PLR2004
    edge: RGB | None = ((60, 60, 66) if light else (236, 236, 236)) if faint else None
    if harsh and edge is None and happens(rng, 0.2):
        edge = (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255))
    style = Style(rng.uniform(0, 1), edge, rng.choice((0.0, rng.uniform(0.3, 1))))
    if not harsh:
        style = Style(0.7, edge, 0.7)
    # Squares and crosses turn less: at any angle they are too hard for a tiny model.
    tilt = 0.35 if shape in {"square", "cross"} else 0.6
    turn = rng.choice((0.0, rng.uniform(-0.15, 0.15)))
    return Actor(
        shape, colour, (red, green, blue), style, path, (rng.uniform(-tilt, tilt), turn), 0
    )


def _contrast(rgb: RGB, backdrop: Image) -> float:
    """Return a colour's distance from the most similar part of the backdrop, 0 to 765."""
    few = backdrop[::16, ::16].reshape(-1, 3).astype(np.int32)
    return float(np.quantile(np.abs(few - np.array(rgb)).sum(1), 0.08))


def _narrated(
    actors: list[Actor], spec: ShotSpec, voice: str, rng: random.Random
) -> tuple[list[Actor], list[Line]]:
    """Add sentences with pauses until the time is over; some shapes appear when named."""
    waiting = actors[2:]
    shown = actors[:2]
    lines: list[Line] = []
    at = rng.uniform(0.4, 1.0)
    rate = rng.randint(130, 175)
    while True:
        manner = Manner(rate, rng.randint(40, 60), rng.randint(40, 70))
        newcomer = waiting[0] if waiting and (len(lines) % 2 == 1 or not lines) else None
        text = _sentence(shown, newcomer, at, spec, rng)
        utterance = speak(text, voice, manner, SPEECH_RATE)
        if at + utterance.seconds > spec.seconds - 0.3:
            return shown + waiting, lines  # a shape never named is visible from the start
        lines.append(Line(utterance, at))
        if newcomer is not None:
            shown.append(_coming(newcomer, at + utterance.seconds * 0.5))
            waiting = waiting[1:]
        at += utterance.seconds + rng.uniform(0.5, 1.3)


def _coming(actor: Actor, when: float) -> Actor:
    return Actor(actor.shape, actor.colour, actor.rgb, actor.style, actor.path, actor.angles, when)


def _sentence(
    shown: list[Actor], newcomer: Actor | None, at: float, spec: ShotSpec, rng: random.Random
) -> str:
    """Draw a held-out sentence that is true at a time, or any one if no shape is shown."""
    if not shown:
        return grammar.sentence(rng, held_out=True)
    frame = round(at * spec.fps)
    while True:
        if newcomer is not None:
            actor, text = newcomer, grammar.changing(rng, newcomer.kind, "appears")
        else:
            actor = rng.choice(shown)
            path = _named_heading(actor, frame, spec)
            if path and happens(rng, 0.75):
                text = grammar.moving(rng, actor.kind, path)
            else:
                text = grammar.showing(rng, actor.kind)
        if grammar.is_held_out(text) and _is_true(text, actor, frame, spec):
            return text
        if happens(rng, 0.002):  # no held-out sentence names this newcomer
            newcomer = None


def _named_heading(actor: Actor, frame: int, spec: ShotSpec) -> str | None:
    """Return a shape's direction in the next two seconds in words, if it moves straight."""
    dx, dy = actor.path.heading(frame, frame + 2 * spec.fps)
    if max(abs(dx), abs(dy)) < _STILL * spec.size.shorter or min(abs(dx), abs(dy)) * 1.5 > max(
        abs(dx), abs(dy)
    ):
        return None
    if abs(dx) > abs(dy):
        return grammar.HEADINGS["right" if dx > 0 else "left"]
    return grammar.HEADINGS["down" if dy > 0 else "up"]


def _is_true(text: str, actor: Actor, frame: int, spec: ShotSpec) -> bool:
    """Return True if a sentence has the right size, place and speed of its shape."""
    words = set(text.split())
    share = actor.path.radius / spec.size.shorter
    x, y = actor.path.places[min(frame, len(actor.path.places) - 1)] / spec.size
    dx, dy = actor.path.heading(frame, frame + spec.fps)
    speed = max(abs(dx), abs(dy)) / spec.size.shorter
    wrong = (
        (bool(words & {"big", "large"}) and share < _LARGE)
        or (bool(words & {"small", "tiny"}) and share > _SMALL)
        or ("slowly" in words and speed > 0.2)  # noqa: PLR2004 (of the shorter side, a second)
        or ("quickly" in words and speed < 0.3)  # noqa: PLR2004
        or ("twice" in words)
        or ("at the top" in text and y > 1 / 3)
        or ("on the left" in text and x > 1 / 3)
        or ("on the right" in text and x < 2 / 3)
        or ("in the middle" in text and not (1 / 3 < x < 2 / 3 and 1 / 3 < y < 2 / 3))
        or ("do" in words)  # "do not watch …" is fine for training, odd in a video
    )
    return not wrong
