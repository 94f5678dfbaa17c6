"""The sound of a film in several ranges against the same sound in one."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pipeline.core import in_place
from pipeline.core.ranges import Part, Range, Work
from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages.transcode import places
from pipeline.stages.transcode import stage as transcode
from tests.fakes import playlists
from tests.integration.media import clips, playback

SECONDS = 18
SEAMS = (6.0, 12.0)
SWEEP = "aevalsrc='0.4*sin(2*PI*(200+15*t)*t)|0.4*sin(2*PI*(300+7*t)*t)':s={rate}:d=18"
STILL = ("-f", "lavfi", "-i", "color=gray:s=64x64:r=5", "-t", SECONDS)
VIDEO = ("-c:v", "libx264", "-preset", "ultrafast", "-g", 10)


def written(path, *options, rate=48_000, form="mp4"):
    sound = ("-f", "lavfi", "-i", SWEEP.format(rate=rate))
    clips.ffmpeg(*STILL[:4], *sound, *STILL[4:], *VIDEO, *options, "-f", form, path)


def aac(path):
    written(path, "-c:a", "aac", "-b:a", "192k", rate=44_100)


def aac_in_matroska(path):
    written(path, "-c:a", "aac", "-b:a", "192k", rate=44_100, form="matroska")


def opus(path):
    written(path, "-c:a", "libopus", "-b:a", "128k", form="matroska")


def dts(path):
    written(path, "-c:a", "dca", "-strict", "-2", "-b:a", "768k", form="matroska")


def vorbis(path):
    written(path, "-c:a", "libvorbis", "-b:a", "192k", rate=44_100, form="matroska")


def surround(path):
    voices = "|".join(f"0.15*sin(2*PI*{110 * n}*t*t/9)" for n in range(1, 7))
    sound = ("-f", "lavfi", "-i", f"aevalsrc='{voices}':c=5.1:s=48000:d={SECONDS}")
    clips.ffmpeg(*STILL[:4], *sound, *STILL[4:], *VIDEO, "-c:a", "ac3", "-b:a", "448k", path)


def gap(path):
    """Write a sound that is missing from 4 s to 8 s, across a boundary."""
    written(path, "-af", "aselect='not(between(t,4,8))'", "-c:a", "aac")


def late(path):
    """Write a sound that begins after the first boundary and ends before the last one."""
    written(path, "-af", "aselect='between(t,7.21,11.7)'", "-c:a", "aac")


def small_gaps(path):
    """Write a sound with gaps of 60 ms, which one pass fills when two of them have added up."""
    drop = "aselect='not(between(t,2,2.06)+between(t,9,9.06))'"
    written(path, "-af", drop, "-c:a", "pcm_s16le", form="matroska")


def early_end(path):
    written(path, "-af", "atrim=end=4", "-c:a", "aac")


def damaged(path):
    """Write a sound of which nothing can be decoded from 4 s to 16 s."""
    written(path, "-c:a", "aac", rate=44_100)
    show = ("-select_streams", "a", "-show_entries", "packet=pos,size,pts_time", "-of", "csv=p=0")
    command = ["ffprobe", "-v", "error", *show, path]
    content = bytearray(path.read_bytes())
    for line in subprocess.run(command, capture_output=True, check=True).stdout.split():
        time, size, place = line.decode().split(",")[:3]
        if 4 < float(time) < 16:
            content[int(place) : int(place) + int(size)] = b"\xff" * int(size)
    path.write_bytes(content)


class Made(NamedTuple):
    range: Range
    part: Part
    folder: Path

    def file(self, name):
        return self.folder / name


class Film:
    """A film whose pictures are encoded once, for sounds in ranges of any length."""

    def __init__(self, maker, folder, **params):
        self.path, self.folder = folder / "film.mp4", folder
        maker(self.path)
        self.source = Source(path=self.path, name=self.path.name, probe=probe(self.path))
        usual = {"rungs": (64,), "preset": "ultrafast", "range_s": 12, "copy_source": False}
        self.params = usual | params
        self.pictures = []

    def plan(self, params):
        return transcode.plan(self.source, transcode.Params(**self.params | params), Deadline(60))

    def run(self, sound_range_s, **others):
        """Return the result, its folder, and the plan."""
        given = {"sound_range_s": sound_range_s} | others
        params, plan = transcode.Params(**self.params | given), self.plan(given)
        if not self.pictures:
            shown = (range_ for range_ in plan.ranges if range_.phase == 0)
            self.pictures = [self._made(params, plan, range_, ()) for range_ in shown]
        sounds = list(self.pictures)
        for range_ in plan.ranges:
            if range_.phase:
                earlier = [one for one in sounds if range_.reads(one.range)]
                sounds.append(self._made(params, plan, range_, earlier))
        work = self.folder / "-".join(map(str, given.values()))
        shutil.copytree(self.folder / "parts", work, dirs_exist_ok=True)
        result = transcode.merge(self.source, params, plan, sounds, work, Deadline(60))
        for artifact in result.artifacts:
            if artifact.pieces:
                in_place._join(artifact, work)
        files = [a for one in sounds for a in one.part.artifacts]
        whole = result.model_copy(update={"artifacts": [*files, *result.artifacts]})
        return whole, work, plan

    def _made(self, params, plan, range_, earlier):
        parts = self.folder / "parts"
        parts.mkdir(exist_ok=True)
        place = Work(parts, f"{range_.name}-1")
        given = (self.source, params, plan, range_, earlier, place, Deadline(60))
        return Made(range_, transcode.run_range(*given), parts)


@pytest.fixture(scope="module")
def film_of(tmp_path_factory):
    """Return a function: ``film_of(aac)`` is the film of ``aac``."""

    @cache
    def made(maker, **params):
        return Film(maker, tmp_path_factory.mktemp(maker.__name__), **params)

    return made


def samples(*paths):
    """Return the samples of the sound of each file, decoded by one process."""
    given = [word for path in paths for word in ("-i", path)]
    raw = [path.with_suffix(".f32") for path in paths]
    outputs = [
        word
        for number, path in enumerate(raw)
        for word in ("-map", f"{number}:a:0", "-f", "f32le", path)
    ]
    subprocess.run(["ffmpeg", "-nostdin", "-y", "-v", "error", *given, *outputs], check=True)
    return [np.fromfile(path, np.float32).reshape(-1, 2) for path in raw]


def levels(sound, window_s=0.05):
    """Return the RMS of every 50 ms."""
    size = round(window_s * 48_000)
    whole = sound[: len(sound) // size * size].reshape(-1, size * 2)
    return np.sqrt(np.square(whole.astype(np.float64)).mean(1))


def at_seams(values):
    return np.concatenate([values[round(s * 20) - 1 : round(s * 20) + 2] for s in SEAMS])


def sound_ranges(plan):
    return [one.name for one in plan.ranges if one.name.startswith("sound")]


def local(url, span):
    content = Path(url).read_bytes()
    return content if span is None else content[span]


def heard(folder, scratch):
    """Return the samples of the MP4 and those of HLS."""
    ((_, playlist),) = playback.alternatives(folder / "hls" / "master.m3u8")
    return samples(folder / "video.mp4", playback.whole(playlist, scratch))


@pytest.mark.parametrize(
    "maker", [aac, aac_in_matroska, opus, surround, gap, late, small_gaps, dts]
)
def test_a_seam_sounds_as_any_other_moment(film_of, tmp_path, maker):
    """A shift by some samples would differ ten times as much as two encodings do."""
    film = film_of(maker)
    _, one, plan = film.run(3600)
    assert sound_ranges(plan) == ["sound-1"]
    _, many, plan = film.run(6)
    assert sound_ranges(plan) == ["sound-1-0000", "sound-1-0001", "sound-1-0002"]
    for whole, divided in zip(heard(one, tmp_path), heard(many, tmp_path), strict=True):
        assert len(whole) == len(divided)
        difference = levels(whole - divided)
        assert np.median(difference) < 0.01
        assert at_seams(difference).max() < 0.02


def test_all_ranges_of_a_track_are_one_stream_for_players(film_of, tmp_path):
    film = film_of(early_end, range_s=6)
    result, folder, _ = film.run(6)
    playlists.check_ladder(
        str(folder / "hls" / "master.m3u8"),
        duration_s=film.source.probe.duration_s,
        work=tmp_path,
        get=local,
    )
    playlist = (folder / "hls" / "audio-1" / "index.m3u8").read_text()
    assert playlist.count("#EXT-X-MAP") == 1
    names = [one.name for one in result.artifacts if "/audio-1/sound" in one.name]
    files = ["0000-1", "0001-1", "0002-silent"]  # of the last range, there are no packets
    assert names == [f"hls/audio-1/sound-1-{one}.mp4" for one in files]
    assert playback.decodes(*(folder / name for name in [*names, "video.mp4"]))
    for sound in heard(folder, tmp_path):
        level = levels(sound)
        assert len(level) == SECONDS * 20
        assert level[:75].min() > 0.1
        assert level[90:].max() < 0.001


def test_damage_of_a_whole_range_leaves_the_others_alone(film_of):
    result, folder, _ = film_of(damaged, range_s=6).run(6)
    assert [one.code for one in result.warnings] == ["damaged_media"]
    (sound,) = samples(folder / "video.mp4")
    level = levels(sound)
    assert min(level[:75].min(), level[325:355].min()) > 0.1
    assert level[120:240].max() < 0.001


def test_the_loudness_of_all_ranges_is_that_of_the_whole_track(film_of):
    film = film_of(aac)
    _, one, _ = film.run(3600, loudness_lufs=-30.0)
    _, many, plan = film.run(6, loudness_lufs=-30.0)
    phases = [(one.name, one.phase) for one in plan.ranges if one.phase]
    assert phases[:3] == [("loudness-1", 1), ("packets", 1), ("sound-1-0000", 2)]
    assert plan.ranges[-1].needs == ("packets", "loudness-1")
    sounds = samples(*(folder / "video.mp4" for folder in (one, many)))
    loud = [levels(sound).mean() for sound in sounds]
    assert loud[0] == pytest.approx(loud[1], rel=0.01)
    assert loud[0] < 0.1


@pytest.mark.parametrize("encoder", ["libmp3lame", "flac", "aac"])
def test_the_number_of_stored_samples_is_known(tmp_path, encoder):
    made, stored = tmp_path / "sound.mkv", tmp_path / "sound.nut"
    clips.ffmpeg(*clips.TONE, "-t", 3, "-ar", 44_100, "-c:a", encoder, made)
    clips.ffmpeg("-i", made, "-c", "copy", "-time_base", "1/44100", stored)
    found = places.batches(stored, rate=44_100, origin_s=0)
    count = sum(batch.samples for batch in found)
    assert 3 * 44_100 <= count < 3 * 44_100 + 2 * 4608


def test_a_track_that_cannot_be_sought_is_one_range(film_of):
    assert sound_ranges(film_of(vorbis).plan({"sound_range_s": 6})) == ["sound-1"]
