"""Films in several ranges against the same films in one: frames, sound, playlists and the MP4."""

import itertools
import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages.transcode import stage as transcode
from tests.fakes import playlists
from tests.integration.media import clips, playback

SECONDS = 16  # three ranges, that in the middle from 6 s to 12 s
SWEEP = "aevalsrc='0.4*sin(2*PI*(200+30*t)*t)|0.4*sin(2*PI*(300+14*t)*t)':s={rate}:d=16"

SILENT = {"sound": 0, "audio": ()}


def film(path, *encoder, rate="15", size="128x72", sound=44_100, audio=clips.AAC, form="mp4"):
    heard = ("-f", "lavfi", "-i", SWEEP.format(rate=sound)) if sound else ()
    fast = ("-preset", "ultrafast") if "libx264" in encoder else ()
    shown = clips.picture(size, rate)
    clips.ffmpeg(*shown, *heard, "-t", SECONDS, *encoder, *fast, *audio, "-f", form, path)


def ntsc(path):
    film(path, *clips.h264(gop=77), rate="30000/1001", sound=48_000)


def matroska(path):
    """Write times in milliseconds, and sound that goes on for 7.5 s after the picture."""
    vorbis = ("-c:a", "libvorbis")
    film(path, "-vf", "trim=end=7.5", *clips.h264(gop=77), audio=vorbis, form="matroska")


def variable_rate(path):
    keep = "lt(t,4)+between(t,4,10)*not(mod(n,10))+gt(t,10)*not(mod(n,2))"
    drop = ("-vf", f"select='{keep}'", "-vsync", "passthrough")
    film(path, *drop, *clips.h264(gop=9999), **SILENT)


def still(path):
    """Write a picture that stands still from 2.5 s to 13.5 s, across both boundaries."""
    drop = ("-vf", "select='not(between(t,2.5,13.5))'", "-vsync", "vfr", "-enc_time_base", "1/1000")
    film(path, *drop, *clips.h264(gop=50), **SILENT)


def pausing(path):
    """Write pauses before two keyframes of the second range, which need other decode orders."""
    paused = "select='not(between(t,6.9,7.99)+between(t,8.3,9.99))'"
    drop = ("-vf", paused, "-vsync", "vfr", "-enc_time_base", "1/1000")
    film(path, *drop, *clips.h264(gop=500), rate="25", **SILENT)


def portrait(path):
    """Write a film with B-frames, to be turned."""
    made = path.with_suffix(".mov")
    bframes = ("-bf", 5, "-x264-params", "b-adapt=0:b-pyramid=normal")
    film(made, *clips.h264(gop=250), *bframes, **SILENT)
    turned = ("-c", "copy", "-metadata:s:v", "rotate=90")
    clips.ffmpeg("-i", made, *turned, path)


def surround(path):
    """Write six channels, beside a picture of open GOPs."""
    gop = "open-gop=1:bframes=5:b-adapt=0:keyint=50:min-keyint=50"
    voices = "|".join(f"0.2*sin(2*PI*{110 * n}*t*t/9)" for n in range(1, 7))
    sound = ("-f", "lavfi", "-i", f"aevalsrc='{voices}':c=5.1:s=48000:d={SECONDS}")
    picture = (*clips.h264(gop=50), "-x264-params", gop, "-preset", "ultrafast")
    encoder = (*picture, "-c:a", "ac3")
    clips.ffmpeg(*clips.picture("128x72", "15"), *sound, "-t", SECONDS, *encoder, path)


def fast(path):
    """Write sound in Matroska whose packets cannot be stored with their exact times."""
    opus = ("-c:a", "libopus")
    film(path, *clips.h264(gop=60), rate="30", sound=48_000, audio=opus, form="matroska")


def interlaced(path):
    woven = ("-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ildct+ilme")
    film(path, *woven, *clips.h264(gop=30), rate="30", **SILENT)


def copied(path):
    film(path, *clips.h264(gop=21), "-b:v", "150k", size="160x90")


def damaged_copy(path):
    """Write a film that can be copied, but for damage from 10 s to 10.5 s."""
    overwritten(path, 10, 10.5, 1, "-b:v", "150k", size="160x90", gop=18)


def transport(path):
    late = ("-itsoffset", "4.3", "-f", "lavfi", "-i", SWEEP.format(rate=48_000))
    encoder = (*clips.h264(gop=60), *clips.AAC, "-f", "mpegts")
    clips.ffmpeg(*clips.picture("128x72", "15"), *late, "-t", SECONDS, *encoder, path)


def damaged(path):
    """Write a film in which half of each frame from 7.5 s to 9 s is overwritten."""
    overwritten(path, 7.5, 9, 2)


def empty_part(path):
    """Write a film whose frames from 4.5 s to 13 s are overwritten."""
    overwritten(path, 4.5, 13, 1)


def overwritten(path, since, until, share, *options, size="128x72", gop=30):
    film(path, *clips.h264(gop=gop), *options, size=size, **SILENT)
    show = ("-select_streams", "v", "-show_entries", "packet=pos,size,pts_time", "-of", "csv=p=0")
    command = ["ffprobe", "-v", "error", *show, path]
    content = bytearray(path.read_bytes())
    for line in subprocess.run(command, capture_output=True, check=True).stdout.split():
        time, size, place = line.decode().split(",")[:3]
        if since < float(time) < until:
            start, end = int(place) + int(size) - int(size) // share, int(place) + int(size)
            content[start:end] = b"\x55" * (end - start)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function: ``made(maker, range_s=…)`` is (source, result, folder)."""

    @cache
    def source(maker):
        path = tmp_path_factory.mktemp("films") / f"{maker.__name__}.mp4"
        maker(path)
        return Source(path=path, name=path.name, probe=probe(path))

    @cache
    def run(maker, **params):
        folder = tmp_path_factory.mktemp(maker.__name__)
        given = transcode.Params(**{"rungs": (64,), "preset": "ultrafast"} | params)
        return source(maker), transcode.run(source(maker), given, folder, Deadline(300)), folder

    return run


def plan(source, **params):
    return transcode.plan(source, transcode.Params(**params), Deadline(60))


def renditions(folder):
    return [path for _, path in playback.variants(folder / "hls" / "master.m3u8")]


def sounds(*paths):
    """Return a checksum of the samples of each track of sound, decoded by one process."""
    given = [word for path in paths for word in ("-i", path)]
    maps = [word for number in range(len(paths)) for word in ("-map", f"{number}:a")]
    command = ["ffmpeg", "-v", "error", *given, *maps, "-f", "streamhash", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def likeness(source, *paths):
    """Return the SSIM of each rendition to its source, of the same size."""
    graph = f"[0:v]split={len(paths)}" + "".join(f"[s{n}]" for n in range(len(paths)))
    for n in range(len(paths)):
        same = f"[s{n}][{n + 1}:v]scale2ref=flags=bicubic[a{n}][b{n}]"
        graph += f";{same};[b{n}]setpts=PTS[c{n}];[c{n}][a{n}]ssim@{n}"
    given = [word for path in (source, *paths) for word in ("-i", path)]
    command = ["ffmpeg", *given, "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = dict(re.findall(r"\[ssim@(\d+) .*All:([0-9.]+)", said))
    return [float(found[str(n)]) for n in range(len(paths))]


def brightness(path, time_s):
    """Return the mean of the luma of a frame, of which 16 is black."""
    options = ("-frames:v", 1, "-pix_fmt", "gray", "-f", "rawvideo", "-")
    command = ["ffmpeg", "-v", "error", "-ss", str(time_s), "-i", path, *map(str, options)]
    return np.frombuffer(
        subprocess.run(command, capture_output=True, check=True).stdout, np.uint8
    ).mean()


def local(url, span):
    content = Path(url).read_bytes()
    return content if span is None else content[span]


def check_equal(one, many, source, scratch, *, worse=0.001):
    """Compare two results: the frames and their times, the sound, the likeness to the source."""
    files = []
    for folder in (one, many):
        place = scratch / f"{len(files)}"
        place.mkdir()
        files.append([playback.whole(path, place) for path in renditions(folder)])
    for before, after in zip(*files, strict=True):
        times = [[time for time, _ in shown] for shown in playback.frames_of(before, after)]
        assert len(times[0]) == len(times[1])
        assert times[0] == pytest.approx(times[1], abs=0.0015)
        alike = likeness(source.path, before, after)
        assert alike[1] >= alike[0] - worse
    if source.probe.audio:
        heard = []
        for folder in (one, many):
            tracks = playback.alternatives(folder / "hls" / "master.m3u8")
            place = scratch / f"sound-{len(heard)}"
            place.mkdir()
            heard += [folder / "video.mp4", *(playback.whole(path, place) for _, path in tracks)]
        found = [one.partition("=")[2] for one in sounds(*heard)]
        assert len(found) == 4 * len(source.probe.audio)
        assert found[: len(found) // 2] == found[len(found) // 2 :]


def check_plays(folder, source, scratch):
    """Check the playlists strictly, and that the MP4 has the same frames as the top rendition."""
    master = str(folder / "hls" / "master.m3u8")
    duration_s = source.probe.duration_s
    playlists.check_ladder(master, duration_s=duration_s, work=scratch, get=local)
    video = folder / "video.mp4"
    assert playback.decodes(video)
    files = video, playback.whole(renditions(folder)[0], scratch)
    shown, top = ([time for time, _ in found] for found in playback.frames_of(*files))
    assert shown == pytest.approx(top, abs=0.0015)


LOUD = {"loudness_lufs": -30.0}


@pytest.mark.parametrize(
    ("maker", "params"),
    [
        (ntsc, LOUD),  # the loudness is that of the whole track
        (matroska, {}),
        (variable_rate, {}),
        (still, {}),
        (portrait, {}),
        (surround, {}),
        (fast, {"max_fps": 15}),
        (interlaced, {}),
    ],
)
def test_ranges_give_the_frames_and_the_sound_of_one_pass(made, tmp_path, maker, params):
    source, whole, one = made(maker, range_s=3600, **params)
    _, divided, many = made(maker, range_s=6, **params)
    names = [range_.name for range_ in plan(source, range_s=6, **params).ranges]
    sounds = ["sound-1"] * bool(source.probe.audio)
    assert names == ["picture-0000", "picture-0001", "picture-0002", *sounds]
    # This preset gives keyframes after a still part more bits, for as long as it remembers.
    worse = 0.003 if maker is still else 0.001
    check_equal(one, many, source, tmp_path, worse=worse)
    check_plays(many, source, tmp_path)
    assert [w.code for w in divided.warnings] == [w.code for w in whole.warnings]
    assert divided.summary["duration_s"] == pytest.approx(whole.summary["duration_s"], abs=0.002)


def test_the_usual_preset_encodes_what_follows_a_still_part_as_in_one_pass(made, tmp_path):
    alike = []
    for range_s in (3600, 6):
        source, _, folder = made(still, range_s=range_s, preset="veryfast")
        (rendition,) = renditions(folder)
        alike += likeness(source.path, playback.whole(rendition, tmp_path))
    assert alike[1] >= alike[0] - 0.001


def test_a_copied_rendition_is_divided_at_its_own_keyframes(made, tmp_path):
    params = {"rungs": (90, 64), "segment_s": 6.0}
    source, whole, one = made(copied, range_s=3600, **params)
    _, divided, many = made(copied, range_s=6, **params)
    starts = [range_.start_s for range_ in plan(source, range_s=6, **params).ranges]
    assert starts == pytest.approx([0.0, 5 * 21 / 15, 9 * 21 / 15, 0.0])
    for result in (whole, divided):
        assert [r["copied"] for r in result.summary["renditions"]] == [True, False]
    check_equal(one, many, source, tmp_path)
    check_plays(many, source, tmp_path)
    top, given = playback.frames_of(playback.whole(renditions(many)[0], tmp_path), source.path)
    assert top == given


def test_a_damaged_range_of_a_copy_is_encoded_with_a_header_of_its_own(made, tmp_path):
    params = {"rungs": (90, 64), "range_s": 6}
    source, divided, many = made(damaged_copy, **params)
    top = renditions(many)[0].read_text()
    assert top.count("#EXT-X-MAP") == 3  # that of the copy, of the encoded range, and again
    assert [r["copied"] for r in divided.summary["renditions"]] == [False, False]
    assert "damaged_media" in [one.code for one in divided.warnings]
    check_plays(many, source, tmp_path)


def test_a_transport_stream_is_one_range(made, tmp_path):
    source, _, folder = made(transport, range_s=6)
    assert [one.name for one in plan(source, range_s=6).ranges] == ["picture-0000"]
    check_plays(folder, source, tmp_path)


def test_a_range_without_b_frames_has_the_header_of_the_others(made, tmp_path):
    source, _, many = made(pausing, range_s=6, segment_s=2, preset="veryfast")
    (path,) = renditions(many)
    assert path.read_text().count("#EXT-X-MAP") == 1
    spans = [playback.seen(segment) for _, segment in playback.playlist(path)]
    assert all(start - end < 0.21 for (_, end), (start, _) in itertools.pairwise(spans))
    check_plays(many, source, tmp_path)


def test_damage_is_told_with_its_time_and_leaves_other_ranges_alone(made, tmp_path):
    source, divided, many = made(damaged, range_s=6)
    (notice,) = [one for one in divided.warnings if one.code == "damaged_media"]
    assert "from 6 s to 12 s" in notice.message
    check_plays(many, source, tmp_path)


def test_a_range_of_which_nothing_can_be_decoded_is_black(made, tmp_path):
    source, divided, many = made(empty_part, range_s=6)
    assert "damaged_media" in [one.code for one in divided.warnings]
    check_plays(many, source, tmp_path)
    assert brightness(many / "video.mp4", 9) < 20
    assert brightness(many / "video.mp4", 2) > 60


def test_a_file_of_a_rendition_is_a_video_of_its_own(made):
    _, result, folder = made(ntsc, range_s=6, **LOUD)
    files = [one.name for one in result.artifacts if one.role == "hls_segments"]
    assert len(files) == 4
    assert playback.decodes(*(folder / name for name in files))


def test_every_file_is_an_artifact_and_no_packets_are_left(made):
    _, result, folder = made(ntsc, range_s=6, **LOUD)
    files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(one.name for one in result.artifacts)
