import pytest

from pipeline.core.media_info import Probe, VideoStream


@pytest.fixture
def video():
    """Return a function that builds a 1080p30 H.264 stream with the given changes."""

    def build(width=1920, height=1080, **changes):
        facts = {
            "index": 0,
            "codec": "h264",
            "profile": "High",
            "level": 40,
            "pix_fmt": "yuv420p",
            "bit_depth": 8,
            "coded_width": width,
            "coded_height": height,
            "width": width,
            "height": height,
            "fps": 30.0,
            "time_base": "1/15360",
        }
        return VideoStream(**facts | changes)

    return build


@pytest.fixture
def probed(video):
    """Return a function that builds the probe of an MP4 with such a stream."""

    def build(container="mov,mp4,m4a,3gp,3g2,mj2", **changes):
        return Probe(container=container, duration_s=10, size_bytes=1000, video=video(**changes))

    return build
