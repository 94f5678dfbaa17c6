import random
import time

import pytest

from pipeline.core.errors import DependencyFailed
from pipeline.media.blocks import Blocks
from pipeline.media.excerpt import Excerpt, Known

CONTENT = random.Random(1).randbytes(3_000_000)  # noqa: S311 - no secret


class Far:
    """A file that lies elsewhere, with a list of the parts that were read."""

    def __init__(self, content=CONTENT):
        self.content = content
        self.asked = []

    def read(self, start, end):
        self.asked.append((start, end))
        return self.content[start:end]


def zeros(start, end):
    return bytes(end - start)


def test_any_part_has_the_bytes_of_the_file():
    blocks = Blocks(len(CONTENT), Far().read)
    places = random.Random(2)  # noqa: S311 - as above
    for _ in range(200):
        start = places.randrange(len(CONTENT))
        end = start + places.randrange(400_000)
        assert blocks.read(start, end) == CONTENT[start:end]
    assert blocks.read(len(CONTENT), len(CONTENT) + 5) == b""


def test_nothing_is_fetched_twice_while_it_is_kept():
    far = Far()
    blocks = Blocks(len(CONTENT), far.read)
    for start in (0, 1_500_000, 100, 1_000_000, 0):
        blocks.read(start, start + 900_000)
    assert blocks.fetched == sum(end - start for start, end in far.asked) <= len(CONTENT)
    assert blocks.requests == len(far.asked)


def test_the_time_of_fetches_is_known_while_one_is_in_progress():
    seen = []

    def slow(start, end):
        seen.append(blocks.waited())
        time.sleep(0.05)
        seen.append(blocks.waited())
        return bytes(end - start)

    blocks = Blocks(len(CONTENT), slow)
    assert blocks.waited() == 0
    blocks.read(0, 10)
    assert seen[0] < 0.05 <= seen[1] <= blocks.waited() == blocks.waited()


def test_sequential_reading_takes_few_requests():
    size = 1 << 30
    blocks = Blocks(size, zeros)
    at = 0
    while at < size:
        at += len(blocks.piece(at))
    assert blocks.fetched == size
    assert blocks.requests < 400


def test_a_seek_leaves_little_unread():
    for wanted in (1000, 1 << 20, 30 << 20):
        blocks = Blocks(1 << 30, zeros)
        blocks.read(500 << 20, (500 << 20) + wanted)
        assert blocks.fetched <= max(128 << 10, 1.07 * wanted)


def test_blocks_end_with_what_will_be_read():
    far = Far()
    known = Excerpt(media=((1_000_000, 2_500_000), (2_700_000, 2_800_000)))
    blocks = Blocks(len(CONTENT), far.read, known)
    assert blocks.read(1_100_000, 2_500_000) == CONTENT[1_100_000:2_500_000]
    assert far.asked == [(1_100_000, 2_500_000)]
    blocks.read(2_500_000, 2_500_001)
    assert far.asked[1:] == [(2_500_000, 2_565_536)]


def test_what_is_known_is_not_fetched():
    far = Far()
    known = Excerpt(known=(Known.of(0, b"a" * 1000), Known(100_000, b"b" * 300, 500)))
    blocks = Blocks(len(CONTENT), far.read, known)
    assert blocks.read(0, 100_500) == b"a" * 1000 + CONTENT[1000:100_000] + b"b" * 300 + bytes(200)
    assert far.asked[0][0] == 1000
    assert far.asked[-1][1] == 100_000


@pytest.mark.parametrize(
    ("start", "end"), [(500_000, 500_001), (400_000, 500_001), (400_000, 400_001)]
)
def test_a_place_of_samples_that_an_excerpt_left_out_is_an_error(start, end):
    """A seek to it is one, and so is reading up to it, or near it."""
    blocks = Blocks(len(CONTENT), Far().read, Excerpt(blank=(500_000,)))
    blocks.read(200_000, 200_100)
    blocks.read(600_000, 600_100)
    with pytest.raises(DependencyFailed, match="index_left_out"):
        blocks.read(start, end)
    with pytest.raises(DependencyFailed):
        blocks.check()


def test_memory_is_bounded_and_the_header_stays():
    blocks = Blocks(1 << 30, zeros)
    blocks.read(0, 1 << 20)
    for at in range(64 << 20, 1 << 30, 1 << 20):
        blocks.read(at, at + 1)
    blocks.read(100 << 20, 200 << 20)
    held = sum(len(block.data) for block in (*blocks._first, *blocks._recent))
    assert held < 40 << 20
    before = blocks.requests
    blocks.read(0, 1 << 20)
    assert blocks.requests == before


def test_what_was_used_last_stays():
    blocks = Blocks(1 << 30, zeros)
    blocks.read(0, 100 << 20)  # more than is kept
    blocks.read(500 << 20, (500 << 20) + 1)
    for at in range(600, 640):
        blocks.read(at << 20, (at << 20) + 1)
        blocks.read(500 << 20, (500 << 20) + 1)
    assert blocks.has(500 << 20)
    assert not blocks.has(90 << 20)


def test_after_an_error_nothing_is_read():
    tries = []

    def broken(start, _):
        tries.append(start)
        raise KeyError(start)

    blocks = Blocks(1000, broken)
    blocks.check()
    for _ in range(3):
        with pytest.raises(KeyError):
            blocks.piece(5)
    with pytest.raises(KeyError):
        blocks.check()
    assert tries == [5]
