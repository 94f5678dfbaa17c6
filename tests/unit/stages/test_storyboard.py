import json
from itertools import pairwise

import numpy as np
import pytest
import webvtt
from PIL import Image

from pipeline.media.decoding import Frame
from pipeline.stages.thumbnail import storyboard


def shots(count):
    """Return frames: frame n is uniformly of shade 10 n."""
    return [Frame(n * 2.5, np.full((20, 40, 3), 10 * n, np.uint8)) for n in range(count)]


@pytest.fixture
def board(tmp_path):
    return storyboard.draw(shots(8), tmp_path, columns=3, rows=2)


def test_tiles_lie_where_the_index_says(tmp_path, board):
    for number, tile in enumerate(board.tiles):
        with Image.open(tmp_path / tile.sheet, formats=["JPEG"]) as sheet:
            pixel = sheet.getpixel((tile.x + 20, tile.y + 10))
        assert pixel == pytest.approx((10 * number,) * 3, abs=3)


def test_a_sheet_is_no_larger_than_its_tiles(tmp_path, board):
    for name, size in zip(board.sheets, [(120, 40), (80, 20)], strict=True):
        with Image.open(tmp_path / name, formats=["JPEG"]) as sheet:
            assert sheet.size == size


def test_cues_join_without_gaps_and_end_with_the_video(board):
    cues = webvtt.from_string(storyboard.webvtt(board, 3725.5)).captions
    assert cues[0].start == "00:00:00.000"
    assert cues[-1].end == "01:02:05.500"
    assert all(a.end == b.start for a, b in pairwise(cues))
    assert cues[4].text == "storyboard-001.jpg#xywh=40,20,40,20"
    assert cues[6].text == "storyboard-002.jpg#xywh=0,0,40,20"


def test_a_single_frame_has_a_cue_that_lasts(tmp_path):
    board = storyboard.draw(shots(1), tmp_path, columns=3, rows=2)
    (cue,) = webvtt.from_string(storyboard.webvtt(board, 0.0)).captions
    assert cue.start < cue.end


def test_the_json_index_keeps_the_frames_own_times(board):
    index = json.loads(storyboard.index(board, 20))
    assert [t["time_s"] for t in index["tiles"]] == [n * 2.5 for n in range(8)]
    assert index["tile"] == {"width": 40, "height": 20}
