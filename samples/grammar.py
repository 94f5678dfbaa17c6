"""The sentences of the samples: about 120 words on coloured shapes, split by content.

A checksum of its text assigns a sentence to the training or the test part. This needs no list of
sentences, and no later change of the generator can move a sentence to the other part.
"""

import random
import zlib
from collections.abc import Callable
from typing import Final

from samples.chance import happens

COLOURS: Final = (
    "red", "green", "blue", "yellow", "orange", "purple", "white", "black", "pink", "brown",
)  # fmt: skip
SHAPES: Final = ("circle", "square", "triangle", "star", "cross", "heart", "ring")
SIZES: Final = ("big", "small", "tiny", "large")
NUMBERS: Final = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
MOTIONS: Final = ("move", "jump", "roll", "slide", "fall", "turn", "spin", "fly")
HEADINGS: Final = {
    "left": "to the left",
    "right": "to the right",
    "up": "up",
    "down": "down",
}
PATHS: Final = (
    *HEADINGS.values(),
    "across the screen",
    "toward the center",
    "to the top",
    "to the bottom",
)
ADVERBS: Final = ("slowly", "quickly", "twice", "again", "together")
TEST_SHARE: Final = 10  # one sentence in this many is held out


def is_held_out(sentence: str) -> bool:
    """Return True if a sentence is for tests only and never for training."""
    return zlib.crc32(sentence.encode()) % TEST_SHARE == 0


def written(sentence: str) -> str:
    """Return the sentence with a capital and a full stop, as in captions."""
    return sentence[0].upper() + sentence[1:] + "."


def plural(shape: str) -> str:
    """Return the plural of a shape's name."""
    return shape + ("es" if shape.endswith("ss") else "s")


def third_person(verb: str) -> str:
    """Return a verb's third person singular: 'move' gives 'moves', 'fly' gives 'flies'."""
    return verb[:-1] + "ies" if verb.endswith("y") else verb + "s"


def one(rng: random.Random, article: str = "", kind: tuple[str, str] | None = None) -> str:
    """Return a noun phrase for one shape, of the (colour, shape) kind if given."""
    colour, shape = kind or (rng.choice(COLOURS), rng.choice(SHAPES))
    size = rng.choice(SIZES) + " " if happens(rng, 0.35) else ""
    phrase = f"{size}{colour} {shape}"
    article = article or rng.choice(("a", "the", "the"))
    if article == "a" and phrase[0] in "aeiou":
        article = "an"
    return f"{article} {phrase}"


def several(rng: random.Random) -> str:
    """Return a noun phrase for a number of shapes."""
    size = rng.choice(SIZES) + " " if happens(rng, 0.25) else ""
    return f"{rng.choice(NUMBERS)} {size}{rng.choice(COLOURS)} {plural(rng.choice(SHAPES))}"


def moving(rng: random.Random, kind: tuple[str, str] | None = None, path: str | None = None) -> str:
    """Return a sentence on one shape that moves: 'the red star rolls to the left'."""
    adverb = " " + rng.choice(ADVERBS[:4]) if happens(rng, 0.3) else ""
    verb = third_person(rng.choice(MOTIONS))
    return f"{one(rng, kind=kind)} {verb} {path or rng.choice(PATHS)}{adverb}"


def changing(rng: random.Random, kind: tuple[str, str] | None = None, verb: str = "") -> str:
    """Return a sentence on one shape that appears, disappears or changes."""
    when = rng.choice(("then", "after that", "first", "finally", "next", "now"))
    did = verb or rng.choice(("appears", "disappears", "stops", "waits", "grows", "shrinks"))
    return f"{when} {one(rng, kind=kind)} {did}"


def showing(rng: random.Random, kind: tuple[str, str] | None = None) -> str:
    """Return a sentence that points at one shape: 'please look at the small pink ring now'."""
    ask = rng.choice(("please", "do not", "can you"))
    where = rng.choice(("at the top", "on the left", "on the right", "in the middle", "now"))
    verb = rng.choice(("watch", "find", "look at", "follow"))
    return f"{ask} {verb} {one(rng, 'the', kind)} {where}"


def meeting(
    rng: random.Random,
    kind: tuple[str, str] | None = None,
    other: tuple[str, str] | None = None,
) -> str:
    """Return a sentence on two shapes: 'the blue ring passes a white cross'."""
    verb = rng.choice(("hits", "covers", "follows", "touches", "passes"))
    return f"{one(rng, 'the', kind)} {verb} {one(rng, kind=other)}"


def _moving_together(rng: random.Random) -> str:
    adverb = " " + rng.choice(ADVERBS) if happens(rng, 0.3) else ""
    return f"{several(rng)} {rng.choice(MOTIONS)} {rng.choice(PATHS)}{adverb}"


def _placed(rng: random.Random) -> str:
    what = f"is {one(rng, 'a')}" if happens(rng, 0.5) else f"are {several(rng)}"
    where = rng.choice(("on", "in", "near", "behind", "under"))
    return f"there {what} {where} {one(rng, 'the')}"


def _seen(rng: random.Random) -> str:
    return f"now we see {several(rng)} and {one(rng, 'a')}"


def _counted(rng: random.Random) -> str:
    return "count " + " ".join(rng.sample(("one", *NUMBERS), rng.randint(3, 6)))


_FORMS: Final[tuple[tuple[float, Callable[[random.Random], str]], ...]] = (
    (0.26, moving),
    (0.16, _moving_together),
    (0.12, _placed),
    (0.10, _seen),
    (0.10, meeting),
    (0.10, changing),
    (0.07, _counted),
    (0.09, showing),
)


def sentence(rng: random.Random, *, held_out: bool) -> str:
    """Draw a sentence of the training part, or of the held-out part.

    It is lower case and has no full stop; see `written`.
    """
    weights, forms = zip(*_FORMS, strict=True)
    while True:
        text: str = rng.choices(forms, weights)[0](rng)
        if is_held_out(text) == held_out:
            return text


def words() -> tuple[str, ...]:
    """Return every word of the grammar, sorted.

    The words come from random sentences, so that the words of new forms are included.
    """
    rng = random.Random(0)
    weights, forms = zip(*_FORMS, strict=True)
    drawn = (rng.choices(forms, weights)[0](rng) for _ in range(20_000))
    return tuple(sorted({word for text in drawn for word in text.split()}))
