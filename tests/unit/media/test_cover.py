"""Cover art that is too large or damaged is passed over; the next one is tried."""

from pathlib import Path
from unittest.mock import MagicMock

import pytest

from pipeline.core.errors import BadInput
from pipeline.media import cover

SOUND = Path("sound.mp3")
MOST = 1 << 26


def test_the_first_cover_that_can_be_decoded_is_chosen(monkeypatch):
    sizes = [(None, None), (0, 9), (1 << 14, (1 << 12) + 1), (60, 60), (200, 100), (50, 50)]
    pictures = [{"index": n, "width": w, "height": h} for n, (w, h) in enumerate(sizes)]
    tried = []

    def decoded(_, index, size, __):
        tried.append(index)
        if index == 3:
            raise BadInput("undecodable", "It is damaged.")
        return size

    monkeypatch.setattr(cover, "_pictures", lambda _: pictures)
    monkeypatch.setattr(cover, "_decoded", decoded)
    assert cover.read(SOUND, max_width=100, report=None) == (100, 50)
    assert tried == [3, 4]


def test_a_cover_is_decoded_within_the_limit_and_whole(monkeypatch):
    tool = MagicMock()
    child = tool.pipe.return_value.__enter__.return_value
    child.read.return_value = bytes(11)
    monkeypatch.setattr(cover, "ffmpeg", tool)
    with pytest.raises(BadInput, match="undecodable"):
        cover._decoded(SOUND, 0, (2, 2), None)
    child.read.return_value = bytes(12)
    assert cover._decoded(SOUND, 0, (2, 2), None).shape == (2, 2, 3)
    assert tool.source.call_args.kwargs["max_pixels"] <= MOST
