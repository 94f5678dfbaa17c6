from pathlib import Path

import pytest

from pipeline.media import seeking
from pipeline.media.process import Complaints

MISSING = "[h264 @ 0x55] [error] mmco: unref short failure"
CAUSE = "[h264 @ 0x55] [error] Missing reference picture, default is 0"
DROPPED = "[h264 @ 0x55] [error] decode_slice_header error"
DAMAGED = "[h264 @ 0x55] [error] error while decoding MB 3 4, bytestream -5"


def heard(*lines):
    complaints = Complaints()
    for line in lines:
        complaints.add(line)
    return complaints


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ((), True),
        ((MISSING, "[hevc @ 0x55] [error] Could not find ref with POC 12"), True),
        ((CAUSE, DROPPED, MISSING), True),
        ((CAUSE, DROPPED, DROPPED), False),
        ((DROPPED,), False),
        ((MISSING, DAMAGED), False),
        ((DAMAGED, *[MISSING] * 40), False),
        ((*[MISSING] * 40,), False),
    ],
)
def test_few_missing_references_alone_are_explained_by_a_seek(lines, answer):
    assert seeking.caused(heard(*lines)) is answer


@pytest.mark.parametrize("time_base", ["1/16000", "1/48000"])
def test_a_file_whose_times_are_fine_is_not_read(time_base):
    assert seeking.snapped(Path("not there"), 1, time_base) is None
