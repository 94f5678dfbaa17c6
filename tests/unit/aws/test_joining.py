"""The parts of the upload that joins pieces of files: all but the last are large enough."""

import random

import pytest

from pipeline.aws.joining import divide
from pipeline.core.ranges import Piece

SMALLEST, LARGEST = 10, 40


def piece(size: int, name: str = "a", start: int = 0) -> Piece:
    return Piece(name=name, start=start, size=size)


def parts(*pieces: Piece) -> list[list[Piece]]:
    return divide(pieces, SMALLEST, LARGEST)


def test_large_pieces_are_copied_as_they_are():
    one, two = piece(10, "a", 5), piece(40, "b")
    assert parts(one, two) == [[one], [two]]


def test_small_pieces_are_sent_with_the_start_of_the_next():
    assert parts(piece(4), piece(30, "b", 100)) == [
        [piece(4), piece(6, "b", 100)],
        [piece(24, "b", 106)],
    ]


def test_a_piece_is_not_cut_if_the_rest_would_be_too_small_to_copy():
    assert parts(piece(4), piece(15, "b")) == [[piece(4), piece(15, "b")]]


def test_a_piece_larger_than_one_copy_is_copied_in_even_shares():
    assert [part[0].size for part in parts(piece(81))] == [27, 27, 27]


def test_only_the_last_part_is_small():
    assert parts(piece(20), piece(3, "b")) == [[piece(20)], [piece(3, "b")]]


@pytest.mark.parametrize("seed", range(30))
def test_the_parts_are_all_pieces_in_order(seed: int):
    rng = random.Random(seed)  # noqa: S311 - no secret depends on it
    pieces = [
        piece(rng.choice([0, 1, 5, 9, 10, 11, 19, 25, 80, 99]), str(number), rng.randrange(9))
        for number in range(rng.randrange(1, 12))
    ]
    divided = divide(pieces, SMALLEST, LARGEST)
    assert all(sum(one.size for one in part) >= SMALLEST for part in divided[:-1])
    assert all(part[0].size <= LARGEST for part in divided if len(part) == 1)
    assert all(sum(one.size for one in part) < 3 * SMALLEST for part in divided if len(part) > 1)
    wanted = [(one.name, one.start + n) for one in pieces for n in range(one.size)]
    assert wanted == [
        (one.name, one.start + n) for part in divided for one in part for n in range(one.size)
    ]


def test_s3_takes_every_part_of_the_largest_file():
    parts = divide([piece(3, "head"), piece(2 << 40, "film"), piece(1 << 20, "tail")])
    sizes = [sum(one.size for one in part) for part in parts]
    assert min(sizes[:-1]) > 5 << 20
    assert max(sizes) <= 5 << 30
    assert len(sizes) <= 10_000
    assert all(sum(one.size for one in part) < 16 << 20 for part in parts if len(part) > 1)
