"""Search finds exactly what reading all transcripts finds, over all of its pages."""

import random
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import pytest
import snowballstemmer

from pipeline.results.search.query import Query
from tests.fakes.library import WORD_S, Library, Seen

ENGLISH = (
    "heart hearts attack attacks attacked running runs run happy happily happiness study studies "
    "studying the a of and to in budget budgets meeting meet met card cards cardiac carbon car "
    "cardio river rivers generous generation universe university universal late later latest"
)
GERMAN = "Herz Herzen läuft laufen Häuser Haus das der die und Straße Karte Karten Universität"
JAPANESE = "心臓 発作 心 会議 です 東京 京都 大学 大 学会 医学"
LABELS = ("cat", "dog", "traffic light", "heart", "person")
STEMMERS = {name: snowballstemmer.stemmer(name) for name in ("english", "german")}
ALGORITHMS = {"en": "english", "de": "german"}


@dataclass
class Film:
    """One generated video."""

    name: str
    language: str
    words: list[str]
    seen: Seen = field(default_factory=dict)
    video_id: str = ""


def films(random_: random.Random, count: int) -> list[Film]:
    made = []
    for number in range(count):
        language = random_.choices(("en", "de", "ja"), (6, 2, 1))[0]
        known = {"en": ENGLISH, "de": GERMAN, "ja": JAPANESE}[language].split()
        weights = [1 / (rank + 1) for rank in range(len(known))]
        random_.shuffle(weights)
        words = random_.choices(known, weights, k=random_.randrange(4, 60))
        seen: Seen = {}
        for label in random_.sample(LABELS, random_.randrange(3)):
            intervals = []
            for _ in range(random_.randrange(1, 4)):
                start = round(random_.uniform(0, 40), 2)
                intervals.append(
                    (start, start + random_.randrange(1, 8), random_.choice([0.4, 0.7, 0.9]))
                )
            seen[label] = intervals
        name = random_.choice(("heart", "budget_meeting", "holiday", "Straße", "clip"))
        made.append(Film(f"{name}-{number}.mp4", language, words, seen))
    return made


# -- brute force: no index, and none of its code ---------------------------------------------------


@cache
def folded(word: str) -> str:
    table = str.maketrans("äöüé", "aoue")
    return word.lower().replace("ß", "ss").translate(table)


@cache
def stemmed(word: str, language: str) -> str:
    algorithm = ALGORITHMS.get(language)
    return STEMMERS[algorithm].stemWord(folded(word)) if algorithm else folded(word)


def said_at(film: Film, phrase: str) -> list[tuple[int, int]]:
    """Return first and last word of each place where a phrase is said; characters for Japanese."""
    if film.language == "ja":
        text = "".join(film.words)
        if not phrase or not phrase[0] > "\u3000":
            return []
        return [
            (at, at + len(phrase) - 1)
            for at in range(len(text))
            if text[at : at + len(phrase)] == phrase
        ]
    if phrase.endswith("*"):
        return [
            (n, n)
            for n, word in enumerate(film.words)
            if folded(word).startswith(folded(phrase[:-1]))
        ]
    wanted = [stemmed(word, film.language) for word in phrase.split()]
    spoken = [stemmed(word, film.language) for word in film.words]
    return [
        (n, n + len(wanted) - 1)
        for n in range(len(spoken) - len(wanted) + 1)
        if spoken[n : n + len(wanted)] == wanted
    ]


def begins(film: Film, place: int) -> float:
    if film.language != "ja":
        return place * WORD_S
    owners = [number for number, word in enumerate(film.words) for _ in word]
    return owners[place] * WORD_S


def in_name(film: Film, phrase: str) -> bool:
    words = folded(film.name.removesuffix(".mp4")).replace("_", " ").replace("-", " ").split()
    if phrase.endswith("*"):
        return any(word.startswith(folded(phrase[:-1])) for word in words)
    wanted = folded(phrase).split()
    return any(words[n : n + len(wanted)] == wanted for n in range(len(words)))


def labelled(film: Film, phrase: str) -> list[str]:
    """Return the labels of a film that have a phrase."""
    return [label for label in film.seen if said_at(Film("", "en", label.split()), phrase)]


def joined(film: Film, labels: list[str], asked: "Asked") -> list[tuple[float, float]]:
    """Return when one of these labels is in view."""
    some = [one for label in labels for one in film.seen.get(label, [])]
    shown = Film("", "en", [], {"any": some})
    return presence(shown, "any", asked.query.min_confidence)


def presence(film: Film, label: str, confidence: float) -> list[tuple[float, float]]:
    made: list[tuple[float, float]] = []
    for start, end, sure in sorted(film.seen.get(label, [])):
        if sure < confidence:
            continue
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return made


def windows(
    film: Film, places: list[list[tuple[int, int]]], within: float
) -> list[tuple[float, float]]:
    ends: dict[int, int] = {}
    for combination in product(*places):
        firsts = [first for first, _ in combination]
        low, high = min(firsts), max(firsts)
        if begins(film, high) - begins(film, low) <= within:
            ends[low] = min(high, ends.get(low, high))
    # Of two with the same end, or of which one holds the other, the shorter one counts.
    shortest = [
        low for low, high in ends.items() if all(o <= low or h > high for o, h in ends.items())
    ]
    return [(begins(film, low), begins(film, ends[low])) for low in sorted(shortest)]


def excluded(film: Film, asked: "Asked") -> bool:
    return asked.query.language not in {None, film.language} or any(
        said_at(film, one) or in_name(film, one) or labelled(film, one) for one in asked.excluded
    )


def near(start: float, end: float, view: list[tuple[float, float]], within: float) -> bool:
    return any(low <= end + within and high >= start - within for low, high in view)


def together(film: Film, phrases: list[str], asked: "Asked") -> set[float]:
    """Return the starts with each phrase said, or in view, in all ways; and all labels in view."""
    within = asked.query.within_s
    found = set()
    for choice in product((True, False), repeat=len(phrases)):
        said = [one for one, spoken in zip(phrases, choice, strict=True) if spoken]
        shown = [one for one, spoken in zip(phrases, choice, strict=True) if not spoken]
        labels = [*([one] for one in asked.query.labels), *(labelled(film, one) for one in shown)]
        views = [joined(film, some, asked) for some in labels]
        spans = windows(film, [said_at(film, one) for one in said], within) if said else views[0]
        others = views if said else views[1:]
        found |= {s for s, e in spans if all(near(s, e, view, within) for view in others)}
    return found


def expected(film: Film, asked: "Asked") -> set[float]:
    if excluded(film, asked) or not all(joined(film, [one], asked) for one in asked.query.labels):
        return set()
    if asked.phrases and (found := together(film, asked.phrases, asked)):
        return found
    rest = [phrase for phrase in asked.phrases if not in_name(film, phrase)]
    if len(rest) == len(asked.phrases) and rest:
        return set()
    return together(film, rest, asked) if rest or asked.query.labels else {0.0}


@dataclass
class Asked:
    """A query, and its parts for brute force."""

    query: Query
    phrases: list[str]
    excluded: list[str]


def asked(random_: random.Random) -> Asked:
    known = random_.choice((ENGLISH, ENGLISH, GERMAN)).split()
    phrases: list[str] = []
    text = []
    for _ in range(random_.choice((0, 1, 1, 2, 3))):
        match random_.randrange(5):
            case 0:
                phrase = " ".join(random_.choices(known, k=2))
                text.append(f'"{phrase}"')
            case 1:
                word = random_.choice(known)
                phrase = (
                    f"{word[: random_.randrange(2, len(word) + 1)]}*" if len(word) > 2 else word
                )
                text.append(phrase)
            case 2:
                phrase = random_.choice((*JAPANESE.split(), "心臓発作", "東京大学"))
                text.append(phrase)
            case _:
                phrase = random_.choice((*known, "heart", "budget", "cats", "traffic"))
                text.append(phrase)
        phrases.append(phrase)
    excluded = [random_.choice(known)] if random_.random() < 0.3 else []
    labels = tuple(random_.sample(LABELS, random_.choice((0, 0, 1, 2))))
    if not phrases and not labels:
        labels = ("cat",)
    query = Query(
        " ".join(text + [f"-{one}" for one in excluded]),
        labels=labels,
        within_s=random_.choice((1.0, 5.0, 20.0)),
        min_confidence=random_.choice((0.0, 0.6)) if labels else 0.0,
        language=random_.choice((None, None, None, "de", "en")),
        per_video=1000,
    )
    return Asked(query, list(dict.fromkeys(phrases)), excluded)


@dataclass
class Generated:
    """A library, and what brute force finds in its films.

    Attributes:
        found: by seed of a query, the moments; computed once.
    """

    library: Library
    films: list[Film]
    found: dict[int, set[tuple[str, float]]] = field(default_factory=dict)

    def wanted(self, seed: int) -> set[tuple[str, float]]:
        if seed not in self.found:
            one = query(seed)
            self.found[seed] = {
                (film.video_id, start) for film in self.films for start in expected(film, one)
            }
        return self.found[seed]


def query(seed: int) -> Asked:
    return asked(random.Random(seed))  # noqa: S311 - tests repeat


@pytest.fixture(scope="module")
def generated() -> Generated:
    random_ = random.Random(19)  # noqa: S311 - tests repeat
    made = Library()
    known = films(random_, 300)
    uploads = []
    for number, film in enumerate(known):
        uploads.append(upload := made.upload(film.name))
        film.video_id = upload.video_id
        made.say(upload, " ".join(film.words), language=film.language)
        made.show(upload, film.seen)
        if number in {110, 180, 260}:  # the last ones are in no block
            made.merge()
    for film, upload in list(zip(known, uploads, strict=True))[:100:6]:
        film.words.reverse()  # a new result of a video that is in a block
        made.say(upload, " ".join(film.words), language=film.language)
    return Generated(made, known)


@pytest.mark.parametrize("seed", range(50))
def test_a_query_finds_each_moment_that_brute_force_finds_and_no_other(
    generated: Generated, seed: int
):
    one = query(seed)
    assert generated.library.all(one.query) == generated.wanted(seed), one


def test_the_random_queries_are_of_all_kinds_and_find_something(generated: Generated):
    queries = {seed: query(seed) for seed in range(50)}
    kinds = {
        "phrase": [seed for seed, one in queries.items() if '"' in one.query.text],
        "prefix": [seed for seed, one in queries.items() if "*" in one.query.text],
        "exclusion": [seed for seed, one in queries.items() if one.excluded],
        "label": [seed for seed, one in queries.items() if one.query.labels],
        "both": [seed for seed, one in queries.items() if one.query.labels and one.phrases],
    }
    for kind, seeds in kinds.items():
        assert sum(bool(generated.wanted(seed)) for seed in seeds) >= 3, kind
