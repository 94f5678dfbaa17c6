"""The project's prose keeps to plain words and to the field's terms.

``docs/reference/glossary.md`` has the terms. A docstring of a function begins with a verb that says
what the function does; prose avoids the words below.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = ("*.py", "*.md", "*.js", "*.tf", "*.hcl", "*.sh", "*.html", "*.toml", "Makefile", "*.yaml")
EXEMPT = {"tests/unit/test_words.py", "LICENSE", "NOTICE", "pipeline/api/web/vendor"}
# The word, from its beginning, and what to write instead.
BANNED = {
    r"in vain\b": "failed, without success",
    r"shall\b": "must, is to",
    r"who(m)?ever\b": "anyone who, the caller",
    r"had better\b": "should",
    r"for want of\b": "because … is missing",
    r"is no(?<!(there|There) is no) (?!longer\b|more\b|such\b)": "is not a …",
    r"dead letters?\b": "dead-letter queue, dead-lettered message",
    r"refus(e|es|ed|al|ing)\b": "reject, rejected",
    r"bad moment\b": "outage, temporary failure",
    r"by lots?\b": "at random",
    r"wish(?<![\"`]wish)(es|ed)?\b(?![\"`])": "desired state, request",
    r"knock": "request",
    r"housekeep": "janitor, maintenance",
    r"anew\b": "again",
    r"letter(?<!-letter)s?\b": "message",
    r"(nought|nigh|therein|thereof)\b": "plain English",
}
# Each alternative begins with a letter, which the search compares first: ten times as fast.
_ANY = re.compile(rf"\b(?:{'|'.join(BANNED)})")
# A docstring that begins so describes a thing, where it should say what the function does.
NO_VERB = frozenset(
    """
    the a an what whether who whom how when where why which one each all any every everything its it
    this that these those so places seconds bytes names words usd no not if of from by at in on for
    as with without only see true false
    """.split()  # noqa: SIM905 - sixty words, a line each as a list
)


@cache
def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *KINDS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # A copy without git's data, such as an archive, has files too.
    found = listed.stdout.splitlines() or [
        str(path.relative_to(ROOT)) for kind in KINDS for path in ROOT.rglob(kind)
    ]
    return sorted(
        name
        for name in found
        if not any(name == one or name.startswith(f"{one}/") for one in EXEMPT)
        and not name.startswith((".venv", "build", ".terraform"))
        and (ROOT / name).exists()
    )


@cache
def _source(name: str) -> str:
    return (ROOT / name).read_text()


def _prose(name: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that people read: of Python, comments and strings."""
    if not name.endswith(".py"):
        yield from enumerate(_source(name).splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(_source(name)).readline):
        if token.type == tokenize.COMMENT or tokenize.tok_name[token.type] in {
            "STRING",
            "FSTRING_MIDDLE",
        }:
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def test_prose_avoids_words_that_readers_stumble_over():
    # One search of the whole file first: to split code into prose and the rest takes seconds.
    suspects = [name for name in _files() if _ANY.search(_source(name))]
    found = [
        f"{name}:{number}: {match.group(0)!r}: write {instead}"
        for name in suspects
        for number, line in _prose(name)
        for pattern, instead in BANNED.items()
        for match in re.finditer(rf"\b(?:{pattern})", line)
    ]
    assert not found, "\n".join(found)


def test_a_docstring_of_a_function_begins_with_a_verb():
    found = []
    for name in _files():
        if not (name.endswith(".py") and name.startswith(("pipeline", "handlers"))):
            continue
        for node in ast.walk(ast.parse(_source(name))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                words = re.findall(r"[A-Za-z']+", ast.get_docstring(node) or "")
                if words and words[0].lower() in NO_VERB:
                    found.append(f"{name}:{node.lineno}: {node.name}: {' '.join(words[:6])} …")
    assert not found, "\n".join(found)
