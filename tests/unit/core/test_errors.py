"""The error tree is a registry: a code means one class, and a class one answer everywhere."""

import re
from collections import defaultdict

import pytest

from docs.generate import errors as source
from pipeline.cli import exits
from pipeline.core import errors
from pipeline.core.errors import Busy, LeaseLost, Superseded, VideodropError

_BRANCH = re.compile(r"([│ ]*)[├└]── (\w+) +(?:(\w+) +(yes|no) +)?(\d+) +(\d+)$", re.MULTILINE)
EXITS = {value for name, value in vars(exits).items() if name.isupper()}


@pytest.fixture(scope="module")
def tree():
    return source.classes()


@pytest.fixture(scope="module")
def uses():
    return list(source.uses())


def test_the_source_is_read(tree, uses):
    assert {"BadInput", "NotRunning", "AlreadyRunning"} <= tree.keys()
    assert {"undecodable", "unknown_video", "not_ready"} <= {use.code for use in uses}


def test_a_code_belongs_to_one_class(uses):
    found = defaultdict(set)
    for use in uses:
        found[use.code].add(use.error)
    found.pop(None, None)
    assert {code: sorted(names) for code, names in found.items() if len(names) > 1} == {}


def test_every_code_is_a_literal_that_can_be_looked_up(uses):
    # An answer of the API repeats an error's own code.
    elsewhere = [use for use in uses if use.code is None and use.path != "pipeline/api/problems.py"]
    assert elsewhere == []
    assert {use.error for use in uses if use.code is None} <= {source.PROBLEM}


def test_a_class_says_how_the_api_and_the_command_line_answer(tree):
    for name, error in tree.items():
        assert error.exit_code in EXITS - {exits.OK}, name
        assert 400 <= error.http_status < 600, name
        # A client that sees 503 tries again: only where that may help.
        assert (error.http_status == 503) == error.retryable, name


def test_the_tree_in_the_docstring_is_the_tree_of_classes(tree):
    drawn = {
        name: (depth, int(status), int(exit_code), kind or None, retry or None)
        for depth, name, kind, retry, status, exit_code in (
            (len(one[0]) // 4 - 1, *one[1:]) for one in _BRANCH.findall(errors.__doc__ or "")
        )
    }
    classes = {}
    for name, kind in tree.items():
        # Hosts have failures of their own, of no run.
        if kind is VideodropError or kind.__module__ != errors.__name__:
            continue
        depth = len(kind.__mro__) - len(VideodropError.__mro__) - 1
        recorded = (kind.failure_class, "yes" if kind.retryable else "no")
        classes[name] = (
            depth,
            kind.http_status,
            kind.exit_code,
            *((None, None) if depth else recorded),
        )
    assert drawn == classes


def test_a_narrower_class_is_recorded_as_its_parent_is(tree):
    for kind in tree.values():
        if kind is not VideodropError and (parent := kind.__base__) is not VideodropError:
            assert (kind.failure_class, kind.retryable) == (parent.failure_class, parent.retryable)


@pytest.mark.parametrize("outsider", [LeaseLost, Busy, Superseded])
def test_a_signal_of_another_workers_claim_is_not_an_error(outsider: type[Exception]):
    assert not issubclass(outsider, VideodropError)


def test_an_error_shows_its_message_and_its_code():
    error = errors.BadInput("empty_file", "The file is empty.")
    assert str(error) == "The file is empty. [bad_input/empty_file]"
    assert (error.code, error.message) == ("empty_file", "The file is empty.")


def test_busy_waits_at_least_a_second():
    assert Busy(0.2).seconds == 1
    assert Busy(12.5).seconds == 12.5
