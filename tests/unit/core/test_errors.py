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
        if kind.__module__ == errors.__name__  # hosts have errors of their own, outside runs
    }
    assert drawn == classes


def test_no_error_class_derives_from_another():
    assert not any(kind.__subclasses__() for kind in VideodropError.__subclasses__())


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
