"""The words of a label, by which a query finds it without naming it as a label."""

from functools import lru_cache

from pipeline.core.search.stems import stem
from pipeline.core.search.tokens import terms, tokens

LANGUAGE = "en"
"""The language of the labels of published models."""


def label_term(label: str) -> str:
    """Return the term of a label as a whole."""
    return f"@{label.lower()}"


@lru_cache(maxsize=4096)
def label_words(label: str) -> tuple[tuple[str, str], ...]:
    """Return term and stem of each word of a label, in order."""
    found = list(tokens(label))
    return tuple(
        (term, term if one.spaceless else stem(term, LANGUAGE))
        for one, term in zip(found, terms(found), strict=True)
    )


def label_terms(label: str) -> frozenset[str]:
    """Return all terms by which a label is found."""
    return frozenset({label_term(label), *(text for word in label_words(label) for text in word)})
