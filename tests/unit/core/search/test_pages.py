"""What is packed into pages is what is read from them."""

from pipeline.core.search.pages import (
    Interval,
    Place,
    Spoken,
    intervals,
    pack_labels,
    pack_words,
    places,
    shelf,
    stretch,
    terms,
)


def spoken(count: int) -> list[Spoken]:
    return [
        Spoken(f"Word{n % 300}", " ", f"word{n % 300}", f"stem{n % 300}", "en", n * 10, n * 10 + 5)
        for n in range(count)
    ]


def test_places_of_words_are_found_on_the_shelf_of_term_and_stem():
    packed = pack_words(spoken(700))
    assert packed.size == 3
    for text in ("word7", "stem7"):
        page = packed.pages[f"w{shelf(text, packed.size)}"]
        found = places(page, lambda *word, text=text: text in word)
        assert found == [Place(70, 7), Place(3070, 307), Place(6070, 607)]


def test_words_that_begin_alike_are_on_one_shelf():
    assert len({shelf(f"he{end}", 6) for end in ("art", "at", "llo")}) == 1


def test_the_text_is_kept_in_stretches():
    packed = pack_words(spoken(300))
    second = stretch(packed.pages["t1"], 1)
    assert (second.first, second.texts[0], second.starts[0], second.ends[0]) == (
        *(256, "Word256"),
        *(2560, 2565),
    )


def test_intervals_of_labels_are_kept():
    seen = {"Cat": [Interval(10, 20, 9000), Interval(15, 40, 5000)]}
    packed = pack_labels(seen)
    assert packed.terms == {"@cat", "cat"}
    assert intervals(packed.pages["l0"], "@cat") == seen["Cat"]
    assert intervals(packed.pages["l0"], "@dog") == []


def test_pages_name_the_terms_to_remove():
    packed = pack_words(spoken(40))
    found = {term for name, page in packed.pages.items() for term in terms(name, page)}
    assert found == packed.terms
