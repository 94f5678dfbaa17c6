import errno

import pytest

from pipeline.aws.classify import classify
from pipeline.core.errors import BadInput, OutOfMemory


class OutOfMemoryError(RuntimeError):
    """An error with the name of torch's own, on a GPU."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA failed with error out of memory"),
    ],
)
def test_want_of_memory_is_named_so_on_any_device(error: Exception):
    assert isinstance(classify(error), OutOfMemory)


def test_a_missing_package_is_the_operators_to_install():
    found = classify(ModuleNotFoundError("No module named 'whisper'"))
    assert (found.failure_class, found.code) == ("dependency", "not_installed")
    assert not found.retryable
    assert "whisper" in found.message


def test_a_full_disk_may_be_emptied_and_other_io_errors_are_defects():
    assert classify(OSError(errno.ENOSPC, "No space left")).retryable
    assert classify(OSError(errno.EINVAL, "Invalid argument")).failure_class == "bug"


def test_a_member_of_the_tree_stays_what_it_is():
    error = BadInput("not_media", "!")
    assert classify(error) is error
