import re

import pytest

from pipeline.core import errors
from pipeline.core.errors import Busy, LeaseLost, Superseded, VideodropError

_BRANCH = re.compile(r"[├└]── (\w+) +(\w+) +(yes|no) ")


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    drawn = {
        name: (kind, retry == "yes") for name, kind, retry in _BRANCH.findall(errors.__doc__ or "")
    }
    classes = {
        kind.__name__: (kind.failure_class, kind.retryable)
        for kind in VideodropError.__subclasses__()
        if kind.__module__ == errors.__name__  # hosts have failures of their own, of no run
    }
    assert drawn == classes


def test_no_class_of_failure_hides_below_another():
    assert not any(kind.__subclasses__() for kind in VideodropError.__subclasses__())


@pytest.mark.parametrize("outsider", [LeaseLost, Busy, Superseded])
def test_what_belongs_to_another_worker_is_no_failure(outsider: type[Exception]):
    assert not issubclass(outsider, VideodropError)


def test_an_error_says_its_sentence_and_its_code():
    error = errors.BadInput("empty_file", "The file is empty.")
    assert str(error) == "The file is empty. [bad_input/empty_file]"
    assert (error.code, error.message) == ("empty_file", "The file is empty.")


def test_nobody_is_asked_to_wait_less_than_a_second():
    assert Busy(0.2).seconds == 1
    assert Busy(12.5).seconds == 12.5
