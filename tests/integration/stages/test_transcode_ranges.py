"""Films in several ranges against the same films in one: frames, sound, playlists and the MP4."""

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

SECONDS = 30
SWEEP = "aevalsrc='0.4*sin(2*PI*(200+15*t)*t)|0.4*sin(2*PI*(300+7*t)*t)':s={rate}:d=30"


def film(path, *encoder, rate="30", size="128x72", sound=44_100, audio=clips.AAC, form="mp4"):
    heard = ("-f", "lavfi", "-i", SWEEP.format(rate=sound)) if sound else ()
    fast = ("-preset", "ultrafast") if "libx264" in encoder else ()
    shown = clips.picture(size, rate)
    clips.ffmpeg(*shown, *heard, "-t", SECONDS, *encoder, *fast, *audio, "-f", form, path)


def ntsc(path):
    film(path, *clips.h264(gop=77), rate="30000/1001", sound=48_000)


def silent(path):
    film(path, *clips.h264(gop=100), sound=0, audio=())


def matroska(path):
    """Write times in milliseconds, and sound that goes on for 15 s after the picture."""
    vorbis = ("-c:a", "libvorbis")
    film(path, "-vf", "trim=end=15", *clips.h264(gop=77), audio=vorbis, form="matroska")


def opus(path):
    """Write sound in Matroska whose packets cannot be stored with their exact times."""
    film(path, *clips.h264(gop=77), sound=48_000, audio=("-c:a", "libopus"), form="matroska")


def variable_rate(path):
    keep = "lt(t,8)+between(t,8,20)*not(mod(n,10))+gt(t,20)*not(mod(n,2))"
    drop = ("-vf", f"select='{keep}'", "-vsync", "passthrough")
    film(path, *drop, *clips.h264(gop=9999))


def still(path):
    """Write a picture that stands still from 5 s to 27 s, across both boundaries."""
    drop = ("-vf", "select='not(between(t,5,27))'", "-vsync", "vfr", "-enc_time_base", "1/1000")
    film(path, *drop, *clips.h264(gop=50))


def portrait(path):
    """Write a film with B-frames, to be turned."""
    made = path.with_suffix(".mov")
    film(made, *clips.h264(gop=250), "-bf", 5, "-x264-params", "b-adapt=0:b-pyramid=normal")
    turned = ("-c", "copy", "-metadata:s:v", "rotate=90")
    clips.ffmpeg("-i", made, *turned, path)


def surround(path):
    """Write six channels, beside a picture of open GOPs."""
    gop = "open-gop=1:bframes=5:b-adapt=0:keyint=50:min-keyint=50"
    voices = "|".join(f"0.2*sin(2*PI*{110 * n}*t*t/9)" for n in range(1, 7))
    sound = ("-f", "lavfi", "-i", f"aevalsrc='{voices}':c=5.1:s=48000:d={SECONDS}")
    picture = (*clips.h264(gop=50), "-x264-params", gop, "-preset", "ultrafast")
    encoder = (*picture, "-c:a", "ac3")
    clips.ffmpeg(*clips.picture("128x72"), *sound, "-t", SECONDS, *encoder, path)


def fast(path):
    film(path, *clips.h264(gop=120), rate="120", sound=0, audio=())


def interlaced(path):
    woven = ("-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ildct+ilme")
    film(path, *woven, *clips.h264(gop=30), rate="50")


def copied(path):
    film(path, *clips.h264(gop=41), "-b:v", "200k", size="320x180")


def damaged_copy(path):
    """Write a film that can be copied, but for damage from 15 s to 16 s."""
    overwritten(path, 15, 16, 1, "-b:v", "200k", size="320x180", gop=41)


def transport(path):
    late = ("-itsoffset", "4.3", "-f", "lavfi", "-i", SWEEP.format(rate=48_000))
    encoder = (*clips.h264(gop=60), *clips.AAC, "-f", "mpegts")
    clips.ffmpeg(*clips.picture("128x72"), *late, "-t", SECONDS, *encoder, path)


def damaged(path):
    """Write a film in which half of each frame from 15 s to 18 s is overwritten."""
    overwritten(path, 15, 18, 2)


def empty_part(path):
    """Write a film whose frames from 9 s to 26 s are overwritten."""
    overwritten(path, 9, 26, 1)


def overwritten(path, since, until, share, *options, size="128x72", gop=30):
    film(path, *clips.h264(gop=gop), *options, size=size, sound=0, audio=())
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


def samples(path, track=0):
    options = ("-map", f"0:a:{track}", "-f", "s16le", "-")
    command = ["ffmpeg", "-v", "error", "-i", path, *options]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(content, np.int16).reshape(-1, 2)


def likeness(path, source):
    """Return the SSIM of a rendition to its source, of the same size."""
    graph = "[1:v][0:v]scale2ref=flags=bicubic[a][b];[b]setpts=PTS[c];[c][a]ssim"
    command = ["ffmpeg", "-i", path, "-i", source, "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return float(said.rpartition("All:")[2].split()[0])


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
    assert len(renditions(one)) == len(renditions(many))
    for before, after in zip(renditions(one), renditions(many), strict=True):
        (scratch / "one").mkdir(exist_ok=True)
        (scratch / "many").mkdir(exist_ok=True)
        whole = playback.whole(before, scratch / "one"), playback.whole(after, scratch / "many")
        times = [[time for time, _ in playback.frames(path)] for path in whole]
        assert len(times[0]) == len(times[1])
        assert times[0] == pytest.approx(times[1], abs=0.0015)
        alike = [likeness(path, source.path) for path in whole]
        assert alike[1] >= alike[0] - worse
    for before, after in zip(
        *(playback.alternatives(folder / "hls" / "master.m3u8") for folder in (one, many)),
        strict=True,
    ):
        sounds = [samples(playback.whole(path, scratch)) for _, path in (before, after)]
        assert np.array_equal(*sounds)
    for number, _ in enumerate(source.probe.audio):
        assert np.array_equal(*(samples(folder / "video.mp4", number) for folder in (one, many)))


def check_plays(folder, source, scratch):
    """Check the playlists strictly, and that the MP4 has the same frames as the top rendition."""
    master = str(folder / "hls" / "master.m3u8")
    duration_s = source.probe.duration_s
    playlists.check_ladder(master, duration_s=duration_s, work=scratch, get=local)
    video = folder / "video.mp4"
    assert playback.decodes(video)
    shown = [time for time, _ in playback.frames(video)]
    top = [time for time, _ in playback.frames(playback.whole(renditions(folder)[0], scratch))]
    assert shown == pytest.approx(top, abs=0.0015)


@pytest.mark.parametrize(
    "maker",
    [ntsc, matroska, variable_rate, still, portrait, surround, fast, interlaced],
)
def test_ranges_give_the_frames_and_the_sound_of_one_pass(made, tmp_path, maker):
    source, whole, one = made(maker, range_s=3600)
    _, divided, many = made(maker, range_s=12)
    names = [range_.name for range_ in plan(source, range_s=12).ranges]
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
    for range_s in (3600, 12):
        source, _, folder = made(still, range_s=range_s, preset="veryfast")
        (rendition,) = renditions(folder)
        alike.append(likeness(playback.whole(rendition, tmp_path), source.path))
    assert alike[1] >= alike[0] - 0.001


def test_sound_that_cannot_be_stored_is_read_from_the_source(made):
    _, _, one = made(opus, range_s=3600)
    _, divided, many = made(opus, range_s=12)
    assert np.array_equal(samples(one / "video.mp4"), samples(many / "video.mp4"))
    assert divided.warnings == []


def test_a_copied_rendition_is_divided_at_its_own_keyframes(made, tmp_path):
    params = {"rungs": (180, 64), "segment_s": 6.0}
    source, whole, one = made(copied, range_s=3600, **params)
    _, divided, many = made(copied, range_s=12, **params)
    starts = [range_.start_s for range_ in plan(source, range_s=12, **params).ranges]
    assert starts == pytest.approx([0.0, 9 * 41 / 30, 18 * 41 / 30, 0.0])
    for result in (whole, divided):
        assert [r["copied"] for r in result.summary["renditions"]] == [True, False]
    check_equal(one, many, source, tmp_path)
    check_plays(many, source, tmp_path)
    top = playback.frames(playback.whole(renditions(many)[0], tmp_path))
    assert top == playback.frames(source.path)


def test_a_damaged_range_of_a_copy_is_encoded_with_a_header_of_its_own(made, tmp_path):
    params = {"rungs": (180, 64), "range_s": 12}
    source, divided, many = made(damaged_copy, **params)
    top = renditions(many)[0].read_text()
    assert top.count("#EXT-X-MAP") == 3  # that of the copy, of the encoded range, and again
    assert [r["copied"] for r in divided.summary["renditions"]] == [False, False]
    assert "damaged_media" in [one.code for one in divided.warnings]
    check_plays(many, source, tmp_path)


def test_a_transport_stream_is_one_range(made, tmp_path):
    source, _, folder = made(transport, range_s=12)
    assert [one.name for one in plan(source, range_s=12).ranges] == ["picture-0000"]
    check_plays(folder, source, tmp_path)


def test_damage_is_told_with_its_time_and_leaves_other_ranges_alone(made, tmp_path):
    source, divided, many = made(damaged, range_s=12)
    (notice,) = [one for one in divided.warnings if one.code == "damaged_media"]
    assert "from 12 s to 24 s" in notice.message
    check_plays(many, source, tmp_path)


def test_a_range_of_which_nothing_can_be_decoded_is_black(made, tmp_path):
    source, divided, many = made(empty_part, range_s=12)
    assert "damaged_media" in [one.code for one in divided.warnings]
    check_plays(many, source, tmp_path)
    assert brightness(many / "video.mp4", 18) < 20
    assert brightness(many / "video.mp4", 5) > 60


def test_loudness_is_that_of_the_whole_track(made):
    _, _, one = made(ntsc, range_s=3600, loudness_lufs=-30.0)
    _, _, many = made(ntsc, range_s=12, loudness_lufs=-30.0)
    assert np.array_equal(samples(one / "video.mp4"), samples(many / "video.mp4"))


def test_a_file_of_a_rendition_is_a_video_of_its_own(made):
    _, result, folder = made(ntsc, range_s=12)
    files = [one.name for one in result.artifacts if one.role == "hls_segments"]
    assert len(files) == 4
    assert all(playback.decodes(folder / name) for name in files)


def test_every_file_is_an_artifact_and_no_packets_are_left(made):
    _, result, folder = made(ntsc, range_s=12)
    files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(one.name for one in result.artifacts)


def test_the_last_range_is_at_least_half_as_long_as_the_others(made):
    source, *_ = made(silent, range_s=3600)
    ends = {s: [one.end_s for one in plan(source, range_s=s).ranges] for s in (7, 18, 22)}
    assert ends[7] == [12.0, 24.0, 30.0]
    assert ends[18] == [18.0, 30.0]
    assert ends[22] == [30.0]
