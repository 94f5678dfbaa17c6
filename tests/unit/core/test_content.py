"""The ids of bytes before they are uploaded are those that S3 gives them."""

import hashlib

import pytest

from pipeline.core import content


def md5(data):
    return hashlib.md5(data, usedforsecurity=False)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 17])
def test_the_ids_are_those_of_a_plain_upload_and_of_one_in_parts(tmp_path, monkeypatch, size):
    monkeypatch.setattr(content, "PART_BYTES", 8)
    (tmp_path / "a").write_bytes(body := bytes(range(size)))
    parts = [body[at : at + 8] for at in range(0, size, 8)] or [b""]
    joined = md5(b"".join(md5(part).digest() for part in parts)).hexdigest()
    expected = [f"{joined}-{len(parts)}-{size}"]
    if len(parts) == 1:
        expected.append(f"{md5(body).hexdigest()}-{size}")
    assert content.ids_of(tmp_path / "a") == expected


@pytest.mark.parametrize(
    ("size", "part"),
    [
        (0, 16 << 20),
        (160_000 << 20, 16 << 20),
        ((160_000 << 20) + 1, 32 << 20),
        (1 << 42, 512 << 20),
    ],
)
def test_the_parts_of_a_large_file_are_larger_because_s3_allows_ten_thousand(size, part):
    assert content.part_bytes(size) == part
    assert size <= part * 10_000
