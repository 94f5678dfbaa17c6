import errno

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

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


def test_a_full_disk_may_be_emptied_and_other_io_errors_are_defects(caplog):
    for number in (errno.ENOSPC, errno.EDQUOT):
        assert classify(OSError(number, "No space left")).code == "disk_full"
        assert classify(OSError(number, "No space left")).retryable
    assert not caplog.records
    assert classify(OSError(errno.EINVAL, "Invalid argument")).failure_class == "bug"
    assert caplog.records[0].exc_info, "its traceback is logged"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"), "SlowDown"),
        (EndpointConnectionError(endpoint_url="http://s3"), "aws_unreachable"),
        (ConnectionResetError("reset"), "connection"),
    ],
)
def test_a_failure_of_others_is_one_to_retry(error: Exception, code: str):
    found = classify(error)
    assert found.failure_class == "dependency"
    assert found.retryable
    assert code in f"{found.code} {found.message}"


def test_a_member_of_the_tree_stays_what_it_is():
    error = BadInput("not_media", "!")
    assert classify(error) is error
