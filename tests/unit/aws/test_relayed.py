"""Requests that the API sends on to S3: for our buckets alone, and no error has an address."""

import pytest

from pipeline.aws.relayed import Store
from pipeline.core.errors import Unreachable

STORE = Store("http://127.0.0.1:1", ["ours"])


@pytest.mark.parametrize(
    "target", ["/ours-of-others/a", "/ours", "/?list-type=2", "//ours/a", "/another/a"]
)
def test_only_files_of_our_buckets_may_be_asked_for(target: str):
    assert STORE.has("/ours/videos/a.mp4?X-Amz-Signature=1")
    assert not STORE.has(target)


def test_an_error_does_not_tell_the_signed_address():
    with pytest.raises(Unreachable) as failed:
        STORE.send("GET", "/ours/a b?X-Amz-Signature=secret", {})
    assert failed.value.message == "S3 could not be reached: InvalidURL."
