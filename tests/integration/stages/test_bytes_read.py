"""The bytes that all ranges of a film read together, each on a host of its own."""

import pytest

from benchmarks import bytes_read
from tests.integration.media import clips

SECONDS = 120
RATE = ("-b:v", "2M", "-minrate", "2M", "-maxrate", "2M", "-bufsize", "1M", "-nal-hrd", "cbr")


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    path = tmp_path_factory.mktemp("loop") / "loop.mp4"
    sound = ("-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=48000:seed=1")
    encoder = (*clips.h264(gop=5), "-preset", "ultrafast", *RATE, *clips.AAC)
    clips.ffmpeg(*clips.picture("96x54", "10"), *sound, "-t", 12, *encoder, path)
    return path


@pytest.mark.parametrize("form", ["mp4", "matroska"])
def test_the_ranges_of_a_film_read_it_once(loop, tmp_path, form):
    film = tmp_path / "film"
    clips.ffmpeg("-stream_loop", 9, "-i", loop, "-t", SECONDS, "-c", "copy", "-f", form, film)
    params = {"rungs": (54,), "preset": "ultrafast", "range_s": 30}
    found = bytes_read.measured("transcode", film, params)
    assert found.ranges == 5
    # The plan reads the last ten seconds, which are much of a short film.
    assert found.fetched - found.plan <= bytes_read.MOST_READ * film.stat().st_size
    assert found.requests < 110
