import json
import re

import pytest
import webvtt
from PIL import Image

from pipeline.core.errors import BadInput
from pipeline.media import ffmpeg
from pipeline.stages.thumbnail import stage as thumbnail

from . import clips


def codes(result):
    return [w.code for w in result.warnings]


def opened(path):
    kind = {".jpg": "JPEG", ".webp": "WEBP"}[path.suffix]
    with Image.open(path, formats=[kind]) as image:
        return image.convert("RGB")


def tile_times(board):
    listed = json.loads((board.folder / "storyboard.json").read_text())["tiles"]
    return [tile["time_s"] for tile in listed]


CONFORMING = {"tile_every_s": 1.6, "poster_widths": (160, 320, 640)}


def test_posters_come_in_widths_up_to_the_source_as_jpeg_and_webp(made):
    result, folder = made(thumbnail, clips.conforming, **CONFORMING)
    assert result.summary["poster_widths"] == [160, 320]
    for artifact in (a for a in result.artifacts if a.role.startswith("poster")):
        image = opened(folder / artifact.name)
        assert image.size == (int(re.search(r"\d+", artifact.name)[0]), image.width * 9 // 16)
    assert sum(a.role == "poster_webp" for a in result.artifacts) == 2


def test_the_poster_is_neither_a_black_frame_nor_a_fade(run):
    """The video is black except for 6 s to 8 s, which fade in and out of the test pattern."""
    result = run(thumbnail, clips.mostly_black, tile_every_s=0.5)
    assert 6.4 <= result.summary["poster"]["time_s"] <= 7.6
    assert codes(result) == []


def test_a_black_video_gets_its_poster_with_a_warning(run, tmp_path):
    result = run(thumbnail, clips.black)
    assert codes(result) == ["poster_blank"]
    assert (tmp_path / "poster-320.jpg").exists()


def test_the_storyboard_is_of_keyframes_at_their_own_times(made):
    board = made(thumbnail, clips.conforming, **CONFORMING)
    assert tile_times(board) == pytest.approx([n * 1.6 for n in range(5)], abs=0.002)


def test_with_few_keyframes_tiles_are_frames_at_regular_times(made):
    board = made(thumbnail, clips.long_gops, tile_every_s=1.0)
    assert tile_times(board) == pytest.approx(list(range(9)), abs=0.2)


def test_tiles_are_as_dense_where_keyframes_are_rare_as_where_they_are_dense(made):
    board = made(thumbnail, clips.dense_then_rare, tile_every_s=1.0)
    assert tile_times(board) == pytest.approx(list(range(12)), abs=0.31)  # unreferenced frames


def test_the_poster_of_joined_recordings_is_as_large_as_others(run):
    result = run(thumbnail, clips.joined, tile_every_s=0.5, poster_widths=(320,))
    assert result.summary["poster"]["width"] == 320
    assert result.summary["poster_widths"] == [320]


def test_keyframes_are_decoded_once_and_one_of_them_again_for_the_poster(run, monkeypatch):
    """Each other pass over the video costs as much again."""
    started, start = [], ffmpeg._start

    def counted(argv, *given):
        started.append(argv)
        return start(argv, *given)

    monkeypatch.setattr(ffmpeg, "_start", counted)
    run(thumbnail, clips.conforming, **CONFORMING)
    assert ["nokey" in argv for argv in started if argv[0] == "ffmpeg"] == [True, True]


def test_long_videos_are_thinned_over_several_sheets(run):
    options = {"tile_every_s": 1.0, "max_tiles": 60, "columns": 5, "rows": 5}
    result = run(thumbnail, clips.long_and_dense, **options)
    assert result.summary["storyboard"]["tiles"] <= 60
    assert result.summary["storyboard"]["tiles"] > 30
    assert len([a for a in result.artifacts if a.role == "storyboard_sheet"]) >= 2


@pytest.mark.parametrize("maker", [clips.brightening, clips.brightening_avi])
def test_tiles_show_the_moment_that_their_cue_names(run, tmp_path, maker):
    run(thumbnail, maker, tile_every_s=0.5)
    cues = webvtt.read(tmp_path / "storyboard.vtt").captions
    index = json.loads((tmp_path / "storyboard.json").read_text())
    assert len(cues) == len(index["tiles"]) > 8
    for cue, tile in zip(cues, index["tiles"], strict=True):
        sheet, area = cue.text.split("#xywh=")
        x, y, width, height = map(int, area.split(","))
        sheet = opened(tmp_path / sheet)
        assert x + width <= sheet.width
        assert y + height <= sheet.height
        shade = sheet.crop((x, y, x + width, y + height)).resize((1, 1)).getpixel((0, 0))[0]
        assert shade == pytest.approx(40 * tile["time_s"], abs=8)


def test_portrait_is_upright(made):
    image = opened(made(thumbnail, clips.rotated).folder / "poster-180.jpg")
    assert image.size == (180, 320)
    red, green, _ = image.getpixel((90, 10))
    assert red > 150
    assert green < 80


def test_hdr_is_tone_mapped(run):
    assert codes(run(thumbnail, clips.hdr10)) == ["hdr_tone_mapped"]


def test_one_frame_is_enough(run, tmp_path):
    run(thumbnail, clips.one_frame)
    (cue,) = webvtt.read(tmp_path / "storyboard.vtt").captions
    assert cue.start < cue.end


def test_damage_is_reported(run):
    assert codes(run(thumbnail, clips.flipped, tile_every_s=0.5)) == ["damaged_media"]


def test_a_source_that_cannot_be_decoded_is_bad_input(run):
    with pytest.raises(BadInput) as refusal:
        run(thumbnail, clips.dead)
    assert refusal.value.code == "undecodable"


def test_the_same_input_gives_the_same_bytes(made, run, tmp_path):
    result, folder = made(thumbnail, clips.rotated)
    assert run(thumbnail, clips.rotated) == result
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_every_file_is_an_artifact(made):
    result, folder = made(thumbnail, clips.rotated)
    files = (p.name for p in folder.iterdir())
    assert sorted(a.name for a in result.artifacts) == sorted(files)
