"""The stem of a word in a language, by the Snowball stemmers."""

from collections.abc import Iterable
from functools import cache, lru_cache
from threading import Lock
from typing import Any

_LANGUAGES = (
    "ar:arabic hy:armenian eu:basque ca:catalan cs:czech da:danish nl:dutch en:english "
    "eo:esperanto et:estonian fi:finnish fr:french de:german el:greek hi:hindi hu:hungarian "
    "id:indonesian ga:irish it:italian lt:lithuanian ne:nepali no:norwegian nb:norwegian "
    "nn:norwegian fa:persian pl:polish pt:portuguese ro:romanian ru:russian sr:serbian "
    "st:sesotho es:spanish sv:swedish ta:tamil tr:turkish yi:yiddish"
)
_NAMES = dict(pair.split(":") for pair in _LANGUAGES.split())
_lock = Lock()  # a stemmer keeps the word that it works on


@lru_cache(maxsize=65536)
def stem(word: str, language: str | None) -> str:
    """Return the stem of a normalised word; the word itself where the language has no stemmer.

    Args:
        word: normalised.
        language: ISO 639-1 code of the speech.
    """
    name = _NAMES.get(language or "")
    if name is None or not word.isalpha():
        return word
    with _lock:
        return str(_stemmer(name).stemWord(word)) or word


def stems(word: str, languages: Iterable[str]) -> dict[str, str]:
    """Return the stem of a word in each language."""
    return {language: stem(word, language) for language in languages}


@cache
def _stemmer(name: str) -> Any:
    import snowballstemmer  # noqa: PLC0415 - it imports a module a language

    return snowballstemmer.stemmer(name)
