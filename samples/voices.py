"""The espeak-ng voices of the samples: an accent with a variant."""

import random
from typing import Final

ACCENTS: Final = {
    "en-us": 0.34,
    "en": 0.20,
    "en-gb-x-rp": 0.12,
    "en-us-nyc": 0.10,
    "en-gb-scotland": 0.10,
    "en-gb-x-gbclan": 0.07,
    "en-gb-x-gbcwmd": 0.07,
}
"""Accents of the training voices, with the share of each."""

VARIANTS: Final = (
    "", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "Annie", "Alex", "Alicia",
    "Andrea", "Diogo", "Hugo", "Jacky", "Lee", "Mario", "Michael", "Mike", "adam", "anika",
    "antonio", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "john", "linda",
    "marcelo", "max", "norbert", "paul", "quincy", "rob", "shelby", "steph", "travis", "victor",
)  # fmt: skip

UNSEEN_VOICES: Final = ("en-us+Gene", "en+f5", "en-us+Andy")
"""Voices whose variant is not in the training data under any accent."""

UNSEEN_ACCENT: Final = "en-029+m3"
"""A voice whose accent (Caribbean English) is not in the training data."""


def training_voice(rng: random.Random) -> str:
    """Draw a voice of the training part."""
    accent = rng.choices(tuple(ACCENTS), tuple(ACCENTS.values()))[0]
    variant = rng.choice(VARIANTS)
    return f"{accent}+{variant}" if variant else accent
