"""The expressions of DynamoDB that this project uses, compiled to Python and cached."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.simulation.scheduler import Violation

_WORD = re.compile(r"\s*(#\w+|:\w+|<=|>=|<>|[=<>(),.]|\w+)")

Item = dict[str, Any]
Names = dict[str, str]
Values = dict[str, Any]
MISSING = object()


def _words(text: str) -> list[str]:
    words, place = [], 0
    text = text.strip()
    while place < len(text):
        found = _WORD.match(text, place)
        if not found:
            raise Violation(f"{text!r} is not understood at {place}")
        words.append(found[1])
        place = found.end()
    return words


def _alike(one: Any, other: Any) -> bool:
    if one is MISSING or other is MISSING:
        return False
    return isinstance(one, str) == isinstance(other, str)


def equal(one: Any, other: Any) -> bool:
    if one is MISSING or isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def less(one: Any, other: Any) -> bool:
    return _alike(one, other) and bool(one < other)


def most(one: Any, other: Any) -> bool:
    return _alike(one, other) and bool(one <= other)


class _Parser:
    """A parser of conditions: it writes a Python expression."""

    def __init__(self, text: str) -> None:
        self._words = _words(text)
        self._place = 0

    def whole(self) -> str:
        made = self._either()
        if self._place != len(self._words):
            raise Violation(f"not understood: {self._words[self._place :]}")
        return made

    def _next(self) -> str | None:
        return self._words[self._place] if self._place < len(self._words) else None

    def _take(self, expected: str | None = None) -> str:
        word = self._words[self._place]
        if expected and word.upper() != expected:
            raise Violation(f"{word} instead of {expected}")
        self._place += 1
        return word

    def _is(self, word: str) -> bool:
        return (self._next() or "").upper() == word

    def _either(self) -> str:
        made = [self._both()]
        while self._is("OR"):
            self._take()
            made.append(self._both())
        return "(" + " or ".join(made) + ")"

    def _both(self) -> str:
        made = [self._one()]
        while self._is("AND"):
            self._take()
            made.append(self._one())
        return "(" + " and ".join(made) + ")"

    def _one(self) -> str:
        if self._is("NOT"):
            self._take()
            return f"(not {self._one()})"
        if self._is("("):
            self._take()
            made = self._either()
            self._take(")")
            return made
        word = self._take()
        if word in {"attribute_exists", "attribute_not_exists"}:
            self._take("(")
            name = self._take()
            self._take(")")
            return f"(n[{name!r}] {'in' if word == 'attribute_exists' else 'not in'} item)"
        if word == "begins_with":
            self._take("(")
            name = self._operand(self._take())
            self._take(",")
            prefix = self._operand(self._take())
            self._take(")")
            return f"str({name}).startswith({prefix})"
        left, verb = self._operand(word), self._take().upper()
        if verb == "BETWEEN":
            low = self._operand(self._take())
            self._take("AND")
            high = self._operand(self._take())
            return f"(most({low}, {left}) and most({left}, {high}))"
        if verb == "IN":
            self._take("(")
            options = [self._operand(self._take())]
            while self._is(","):
                self._take()
                options.append(self._operand(self._take()))
            self._take(")")
            return "(" + " or ".join(f"equal({left}, {one})" for one in options) + ")"
        right = self._operand(self._take())
        return {
            "=": f"equal({left}, {right})",
            "<>": f"(not equal({left}, {right}))",
            "<": f"less({left}, {right})",
            ">": f"less({right}, {left})",
            "<=": f"most({left}, {right})",
            ">=": f"most({right}, {left})",
        }[verb]

    def _operand(self, word: str) -> str:
        if word.startswith(":"):
            return f"v[{word!r}]"
        if not word.startswith("#"):
            raise Violation(f"{word} is neither a name nor a value")
        return f"item.get(n[{word!r}], MISSING)"


@cache
def condition(text: str) -> Callable[[Item, Names, Values], bool]:
    """Return a condition as a function of an item, names and values."""
    source = f"lambda item, n, v: {_Parser(text).whole()}"
    known = {"equal": equal, "less": less, "most": most, "MISSING": MISSING}
    return eval(compile(source, "<condition>", "eval"), known)  # noqa: S307


@cache
def update(text: str) -> list[tuple[str, str, str]]:
    """Return the changes of an update: verb, name, value."""
    words, changes, place, verb = _words(text), [], 0, ""
    while place < len(words):
        word = words[place]
        if word in {"SET", "REMOVE", "ADD", "DELETE"}:
            verb = word
            place += 1
        elif word == ",":
            place += 1
        elif verb == "SET":
            if words[place + 1] != "=":
                raise Violation(text)
            changes.append((verb, word, words[place + 2]))
            place += 3
        elif verb == "REMOVE":
            changes.append((verb, word, ""))
            place += 1
        else:
            changes.append((verb, word, words[place + 1]))
            place += 2
    return changes


@cache
def paths(text: str) -> list[list[str]]:
    """Return the attributes of a projection, each as its names from the outside in."""
    found: list[list[str]] = [[]]
    for word in _words(text):
        if word == ",":
            found.append([])
        elif word != ".":
            found[-1].append(word)
    return found


@cache
def key_condition(text: str) -> tuple[str, Callable[[Item, Names, Values], bool] | None]:
    """Return the value of the partition key, and the condition on the sort key, if any."""
    words = _words(text)
    plain = [one for one in words if one not in "()"]
    if plain[1] != "=":
        raise Violation(text)
    if len(plain) == 3:
        return plain[2], None
    return plain[2], condition(text)
