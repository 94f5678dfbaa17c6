"""Thumbnails of a video in several ranges against the same video in one: equal bytes."""

from functools import cache

import pytest

from pipeline.core import in_place
from pipeline.core.stage import Deadline, Source
from pipeline.media import frames
from pipeline.media.probe import probe
from pipeline.stages.thumbnail import stage as thumbnail
from tests.integration.media import clips

SECONDS = 36


def picture(path, *options, form="mp4"):
    shown = clips.picture("160x90", "10")
    clips.ffmpeg(*shown, "-t", SECONDS, *clips.h264(gop=17), *options, "-f", form, path)


def dense(path):
    picture(path)


def rare(path):
    """Write a video whose second keyframe comes after 25 s, across two boundaries."""
    picture(path, "-g", 9999, "-force_key_frames", "25,26,27,28,29,30,31,32,33,34,35")


def open_gops(path):
    picture(path, "-x264-params", "open-gop=1:bframes=3:b-adapt=0", form="matroska")


def transport(path):
    picture(path, form="mpegts")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a function: ``clip(dense)`` is the probed source of ``dense``."""
    folder = tmp_path_factory.mktemp("clips")

    @cache
    def written(maker):
        path = folder / maker.__name__
        maker(path)
        return Source(path=path, name=path.name, probe=probe(path))

    return written


@pytest.fixture
def made(tmp_path):
    """Return a function: ``made(source, range_s=…)`` is (names of ranges, result, its files)."""

    def run(source, **params):
        given = thumbnail.Params(tile_every_s=1.3, max_tiles=25, **params)
        plan = thumbnail.plan(source, given, Deadline(60))
        names = [one.name for one in plan.ranges]
        work = tmp_path / "-".join(["work", *map(str, params.values())])
        work.mkdir()
        result = in_place.run(thumbnail, source, given, work, Deadline(60), plan)
        return names, result, {one.name: one.read_bytes() for one in work.iterdir()}

    return run


@pytest.mark.parametrize("maker", [dense, rare])
def test_the_division_changes_no_byte(made, clip, maker):
    whole, one, files = made(clip(maker), range_s=3600)
    divided, many, parts = made(clip(maker), range_s=10)
    assert whole == ["picture-0000"]
    assert len(divided) == 4
    assert one == many
    assert files == parts
    assert one.summary["storyboard"]["tiles"] > 15


def test_keyframes_that_need_others_are_not_decoded_alone(clip):
    """Open GOPs in H.264: after a seek, other keyframes are lost than in one pass."""
    given = [clip(maker) for maker in (dense, open_gops)]
    assert [frames.keys_suffice(one.path, one.probe) for one in given] == [True, False]


def test_a_video_in_which_no_seek_is_safe_is_one_range(clip):
    params = thumbnail.Params(tile_every_s=1.3, max_tiles=25, range_s=10)
    (only,) = thumbnail.plan(clip(transport), params, Deadline(60)).ranges
    assert only.name == "picture-0000"
