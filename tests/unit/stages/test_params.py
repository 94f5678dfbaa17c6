"""The bounds of uploaders' options: a host can keep all that they allow."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from pipeline.stages.detect.stage import Params as Detect
from pipeline.stages.thumbnail import stage as thumbnail
from pipeline.stages.transcode import stage as transcode
from pipeline.stages.transcribe.stage import Params as Transcribe


@pytest.mark.parametrize("width", [0, -1, 15, 16_384, 10**9])
def test_a_poster_has_a_width_that_image_formats_have(width):
    with pytest.raises(ValidationError, match="poster_widths"):
        thumbnail.Params(poster_widths=(640, width))


@pytest.mark.parametrize("side", [0, -1, 15, 4097])
def test_a_rendition_has_a_side_that_decoders_have(side):
    with pytest.raises(ValidationError, match="rungs"):
        transcode.Params(rungs=(720, side))


def test_a_sheet_of_tiles_fits_into_memory():
    with pytest.raises(ValidationError, match="take fewer or smaller tiles"):
        thumbnail.Params(tile_side=640, columns=20, rows=20)
    thumbnail.Params(tile_side=640, columns=9, rows=9)
    thumbnail.Params(columns=20, rows=20)


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        (transcode.Params, {"rungs": ()}),
        (transcode.Params, {"rungs": (360,) * 11}),
        (transcode.Params, {"preset": "placebo"}),
        (thumbnail.Params, {"poster_widths": ()}),
        (thumbnail.Params, {"poster_widths": (320,) * 7}),
        (Transcribe, {"initial_prompt": "x" * 501}),
        (Transcribe, {"engine": "another"}),
        (Detect, {"classes": ()}),
        *((one, {"crfs": 1}) for one in (transcode.Params, thumbnail.Params, Transcribe, Detect)),
    ],
)
def test_an_option_has_a_length_and_a_name_that_its_stage_knows(
    params: type[BaseModel], wrong: dict[str, Any]
):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        params(**wrong)
