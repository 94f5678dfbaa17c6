"""Bounds of a request for an upload, which are checked before S3 or the table is asked."""

import pytest
from pydantic import ValidationError

from pipeline.api.uploads import NewUpload

LEAST = {"name": "a.mp4", "size": 0}
MD5 = "0123456789abcdef" * 2
MOST = {
    "name": "ä" * 1024,
    "size": 1 << 40,
    "content_type": f"{'v' * 60}/{'x' * 60}",
    "options": {str(number): "" for number in range(50)},
    "idempotency_key": "k" * 200,
    "etag": f"{MD5}-10000",
    "beside": "0" * 64,
}


def test_the_least_and_the_most_are_accepted():
    assert NewUpload.model_validate(LEAST).size == 0
    assert NewUpload.model_validate(MOST).model_dump(exclude={"passthrough"}) == MOST


@pytest.mark.parametrize(
    "given",
    [
        {"name": "ä" * 1025},
        {"name": "a\n.mp4"},
        {"name": "a\x7f.mp4"},
        {"name": "a\ufffe.mp4"},
        {"name": "a\uffff.mp4"},
        {"size": -1},
        {"size": "4"},
        {"size": 4.0},
        {"size": True},
        {"content_type": "video"},
        {"content_type": f"video/{'x' * 61}"},
        {"content_type": f"{'v' * 61}/mp4"},
        {"content_type": "video/mp4\n"},
        {"content_type": "видео/mp4"},
        {"options": {str(number): "" for number in range(51)}},
        {"idempotency_key": ""},
        {"idempotency_key": "k" * 201},
        {"etag": MD5.upper()},
        {"etag": f"{MD5}-123456"},
        {"etag": f"{MD5}-1\n"},
        {"beside": "0" * 65},
        {"length": 4},
    ],
    ids=lambda given: next(iter(given)),
)
def test_anything_more_is_rejected(given: dict[str, object]):
    with pytest.raises(ValidationError):
        NewUpload.model_validate(LEAST | given)
