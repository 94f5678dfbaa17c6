import pytest

from pipeline.stages.transcode import h264
from pipeline.stages.transcode.gop import Gops
from pipeline.stages.transcode.ladder import Rung

GOOD = Gops(starts_with_key=True, closed=True, longest_s=2.0, bit_rate=4e6)


def test_an_ordinary_source_may_be_copied(probed):
    assert h264.looks_conforming(probed(), max_side=1080, max_fps=60)
    assert h264.conforms(probed(), GOOD, max_gop_s=6)


@pytest.mark.parametrize(
    "changes",
    [
        {"codec": "hevc"},
        {"profile": "High 10"},
        {"profile": "High 4:4:4 Predictive"},
        {"pix_fmt": "yuv420p10le"},
        {"pix_fmt": "yuvj420p"},
        {"level": 62},
        {"level": None},
        {"rotation": 90},
        {"square_pixels": False},
        {"interlaced": True},
        {"fps": 120.0},
        {"width": 1919},
        {"width": 2560, "height": 1440},
        {"start_s": 0.5},
        {"color_transfer": "smpte2084"},
        {"container": "mpegts"},
    ],
)
def test_a_source_that_players_may_reject_is_not_copied(probed, changes):
    assert not h264.looks_conforming(probed(**changes), max_side=1080, max_fps=60)


@pytest.mark.parametrize(
    "changes",
    [{"starts_with_key": False}, {"closed": False}, {"longest_s": 8.0}, {"bit_rate": 2e7}],
)
def test_unsuitable_gops_are_not_copied(probed, changes):
    assert not h264.conforms(probed(), Gops(**vars(GOOD) | changes), max_gop_s=6)


@pytest.mark.parametrize(
    ("size", "name"),
    [((426, 240), "h264_nvenc"), ((90, 160), "libx264"), ((4096, 32), "libx264")],
)
def test_frames_too_small_for_a_gpu_are_encoded_without_it(monkeypatch, size, name):
    monkeypatch.setattr(h264, "encoder", lambda: "h264_nvenc")
    options = h264.options(
        Rung("small", *size, 500_000), crf=22, preset="veryfast", keyframes="source"
    )
    assert options["c:v"] == name
    assert ("crf" in options) == (name == "libx264")
