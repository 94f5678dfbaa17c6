"""The page of errors: each class of the tree, and each code with the class that it belongs to.

The codes are read from the source, so that none is missing: a call of an error class, or of the
API's ``Problem``, has its code as a literal.
"""

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from docs.generate import text
from pipeline.core.errors import VideodropError

ROOT = Path(__file__).parents[2]
_SOURCES = ("pipeline", "handlers", "samples")
_ROOT_CLASS = VideodropError.__name__
# An error of the API alone: its first argument is the HTTP status, its second the code.
PROBLEM = "Problem"


class Use(NamedTuple):
    """A place in the source that makes an error.

    Attributes:
        error: the name of the class.
        code: the code, or None if it is not a literal.
        status: the HTTP status of a ``Problem``, as the source has it.
        path: the file, relative to the repository.
        line: the line in it.
    """

    error: str
    code: str | None
    status: str
    path: str
    line: int


@cache
def _nodes() -> dict[str, list[ast.ClassDef | ast.Call]]:
    """Return the classes and calls of each file."""
    return {
        path.relative_to(ROOT).as_posix(): [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ClassDef | ast.Call)
        ]
        for folder in _SOURCES
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def classes() -> dict[str, type[VideodropError]]:
    """Return every class of the tree by its name, parents first."""
    bases: dict[str, tuple[str, str]] = {}
    for path, nodes in _nodes().items():
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                for base in node.bases:
                    if isinstance(base, ast.Name):
                        bases[node.name] = (base.id, path)
    found = {_ROOT_CLASS: VideodropError}

    def below(name: str) -> None:
        for child, (parent, path) in bases.items():
            if parent == name and child not in found:
                module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
                found[child] = getattr(module, child)
                below(child)

    below(_ROOT_CLASS)
    return found


def uses() -> Iterator[Use]:
    """Yield every call of an error class or of ``Problem``, in the order of the files."""
    known = {*classes(), PROBLEM}
    for path, nodes in _nodes().items():
        for node in nodes:
            if isinstance(node, ast.Call) and (name := _name(node.func)) in known:
                place = int(name == PROBLEM)
                given = node.args[place] if len(node.args) > place else None
                literal = isinstance(given, ast.Constant) and isinstance(given.value, str)
                code = str(given.value) if literal and isinstance(given, ast.Constant) else None
                status = ast.unparse(node.args[0]) if place and node.args else ""
                yield Use(name, code, status, path, node.lineno)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def page() -> str:
    """Return the page."""
    tree = classes()
    by_code: dict[tuple[str, str], list[Use]] = defaultdict(list)
    for use in uses():
        if use.code is not None:
            by_code[use.code, use.error].append(use)
    return text.page(
        [
            *text.heading(
                "Errors",
                "A failure is recorded and shown as `{class, code, message, retryable}`. The code "
                "is a\nstable word for programs and belongs to one class. The classes are in\n"
                "[`pipeline/core/errors.py`](../../pipeline/core/errors.py). The API shows the "
                "message of a\nstatus below 500 and logs the others.",
            ),
            "## Classes",
            "",
            *text.table(
                ["Class", "Failure class", "HTTP status", "Exit code", "Retryable", "Meaning"],
                (
                    [
                        text.code(name),
                        text.code(error.failure_class),
                        str(error.http_status),
                        str(error.exit_code),
                        "yes" if error.retryable else "no",
                        text.first_sentence(error.__doc__),
                    ]
                    for name, error in tree.items()
                    if name != _ROOT_CLASS
                ),
            ),
            "## Codes",
            "",
            f"A code of `{PROBLEM}` is the API's alone.",
            "",
            *text.table(
                ["Code", "Class", "HTTP status", "Exit code", "Raised in"],
                (
                    [
                        text.code(code),
                        text.code(error),
                        _status(found, tree.get(error)),
                        str(tree[error].exit_code) if error in tree else "",
                        ", ".join(text.code(path) for path in sorted({one.path for one in found})),
                    ]
                    for (code, error), found in sorted(by_code.items())
                ),
            ),
        ]
    )


def _status(found: list[Use], error: type[VideodropError] | None) -> str:
    if error:
        return str(error.http_status)
    return ", ".join(sorted({one.status for one in found if one.status.isdigit()}))
