"""Detection in ranges gives what detection in one pass gives, byte for byte."""

import json
import subprocess
import zipfile
from functools import cache

import pytest

from pipeline.core import in_place
from pipeline.core.errors import BadInput
from pipeline.core.stage import Deadline
from pipeline.stages.detect import stage as detect
from pipeline.stages.detect import yolo
from pipeline.stages.detect.engine import Detection

from .conftest import ffmpeg, source

pytestmark = pytest.mark.models

FILES = ("detections.json", "tracks.json", "contact_sheet.jpg")
SECONDS = 33  # three ranges of 10 s
FPS = 1.25  # ranges end within slots
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100")
SHAPES = (
    *("-f", "lavfi", "-i", f"testsrc2=s=160x96:r=12:d={SECONDS}"),
    *("-f", "lavfi", "-i", f"color=red:s=26x26:r=12:d={SECONDS}"),
)
X264 = ("-c:v", "libx264", "-preset", "superfast", "-threads", 1)
MOVING = "[0][1]overlay=x='65+60*sin(t/3)':y='30+25*cos(t/2)'"


class Sensitive:
    """An engine whose detections depend on every pixel of an image, and on those of its batch."""

    labels = ("dark", "light")
    image_size = 160
    batch = 4

    def detect(self, images, how):
        assert how.image_size == 160
        most = max(int(image.astype(int).sum()) for image in images)
        return [self._found(image.astype(int), most) for image in images]

    def _found(self, image, most):
        height, width, _ = image.shape
        x = float((image[..., 0].sum(axis=0).argmax()) % (width - 30))
        y = float((image[..., 1].sum(axis=1).argmax()) % (height - 20))
        share = int(image.sum()) / most
        label = "light" if image[..., 2].mean() > 100 else "dark"
        return [
            Detection(label, round(0.3 + share / 2, 9), (x, y, x + 30, y + 20)),
            Detection("dark", round(share / 3, 9), (y, y, y + 20, y + 15)),
        ]


def x264(*, gop, options="", name="mp4"):
    def write(path):
        made = path.with_suffix(f".{name}")
        encoder = (*X264, "-g", gop, "-pix_fmt", "yuv420p")
        more = ("-x264-params", options) if options else ()
        sound = ("-c:a", "aac", "-shortest") if name != "webm" else ()
        ffmpeg(*SHAPES, *TONE, "-filter_complex", f"{MOVING}[v]", "-map", "[v]", "-map", "2:a",
               *encoder, *more, *sound, made)  # fmt: skip
        return made

    return write


def filtered(filters, *, gop=24, before=(), extra=(), name="mp4"):
    def write(path):
        made = path.with_suffix(f".{name}")
        ffmpeg(*SHAPES, *before, "-filter_complex", f"{MOVING},{filters}[v]", "-map", "[v]",
               *("-vsync", "passthrough", *X264, "-g", gop),
               *("-pix_fmt", "yuv420p", *extra), made)  # fmt: skip
        return made

    return write


def vp9(path):
    made = path.with_suffix(".webm")
    encoder = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8, "-g", 60)
    ffmpeg(*SHAPES, "-filter_complex", MOVING, *encoder, made)
    return made


def hevc(path):
    made = path.with_suffix(".mkv")
    options = "open-gop=1:bframes=4:keyint=50:log-level=error"
    encoder = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", options)
    ffmpeg(*SHAPES, "-filter_complex", MOVING, *encoder, made)
    return made


def transport_stream(path):
    return x264(gop=24, name="ts")(path)


def late_picture(path):
    """Write video that starts at 13 s, so that the first range is empty."""
    made = path.with_suffix(".mkv")
    ffmpeg(*TONE, "-itsoffset", 13, *SHAPES[:4], "-map", "0:a", "-map", "1:v", "-t", SECONDS,
           *(*X264, "-g", 24, "-c:a", "aac"),
           *("-vsync", "passthrough"), made)  # fmt: skip
    return made


# None from 12.8 s to 20.4 s, where no window of ``gops.within`` is.
KEYS = "expr:if(between(t,12.8,20.4),0,gte(t,prev_forced_t+0.25)+isnan(prev_forced_t))"
SOURCES = {
    "constant": x264(gop=24),
    "b_frames": x264(gop=9999, options="bframes=4:b-adapt=0:b-pyramid=normal"),
    "open_gop": x264(gop=35, options="open-gop=1:bframes=3:b-adapt=0"),
    # Such keyframes are decoded in the wrong order if no others are.
    "dense_open_gop": filtered("fps=60", gop=24, extra=("-x264-params", "open-gop=1")),
    "intra_refresh": x264(gop=10, options="intra-refresh=1"),
    "matroska": x264(gop=50, name="mkv"),
    "hevc": hevc,
    "vp9": vp9,
    "vfr": filtered("select='lt(t,4)+between(t,4,24)*not(mod(n,27))+gt(t,24)*not(mod(n,4))'"),
    "still": filtered("loop=loop=216:size=1:start=48,setpts=N/12/TB,trim=end=33"),
    "intra": filtered("null", gop=1),
    "rare_keys": filtered(
        "null", gop=9999, extra=("-force_key_frames", KEYS, "-x264-params", "scenecut=0")
    ),
    "late_picture": late_picture,
    "interlaced": filtered("tinterlace=interleave_top", extra=("-flags", "+ildct+ilme")),
    "transport_stream": transport_stream,
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a function: ``clip("vfr")`` is the probed source of that name."""
    folder = tmp_path_factory.mktemp("ranges")

    @cache
    def made(name):
        return source(SOURCES[name](folder / name))

    return made


@pytest.fixture(scope="module")
def sensitive(tmp_path_factory):
    """Replace YOLO by an engine that depends on every pixel, and return its name."""
    model = tmp_path_factory.mktemp("model") / "model.pt"
    zipfile.ZipFile(model, "w").close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yolo, "load", lambda _: Sensitive())
        yield str(model)


@pytest.fixture(scope="module")
def found(clip, sensitive, tmp_path_factory):
    """Return a function: ``found("vfr", range_s=10)`` is what is detected in a clip, once."""

    @cache
    def made(name, **options):
        work = tmp_path_factory.mktemp(name) / "work"
        return detected(clip(name), work, model=sensitive, **{"fps": FPS} | options)

    return made


def detected(given, work, **options):
    """Run the stage; return the plan, the result, and the bytes of its files."""
    work.mkdir()
    params = detect.Params(**options)
    plan = detect.plan(given, params, Deadline(300))
    result = in_place.run(detect, given, params, work, Deadline(300), plan)
    files = {path.name: path.read_bytes() for path in work.iterdir()}
    assert set(files) == {one.name for one in result.artifacts}
    return plan, result, files


@pytest.mark.parametrize("name", SOURCES)
def test_ranges_of_any_length_give_the_same_files(clip, found, name):
    plan, whole, files = found(name, range_s=10_000)
    assert len(plan.ranges) == 1
    assert plan.data["keyframes"] is (name in {"intra", "rare_keys"})
    assert clip(name).probe.video.interlaced is (name == "interlaced")
    assert whole.summary["frames"] > 20
    assert whole.warnings == []
    alone = name == "transport_stream"
    lengths = ((10, 3), (20, 2)) if name == "constant" else ((10, 3),)
    for range_s, count in lengths:
        parted, parts, same = found(name, range_s=range_s)
        assert len(parted.ranges) == (1 if alone else count)
        for file in FILES:
            assert same[file] == files[file], file
        assert parts == whole


def test_at_low_rates_ranges_consist_of_longer_sections(found):
    _, *whole = found("constant", range_s=10_000, fps=0.33)
    plan, *parts = found("constant", range_s=10, fps=0.33)
    assert [one.start_s for one in plan.ranges] == [0, 16]
    assert parts == whole


def test_the_demonstration_model_finds_the_same_objects_in_ranges(clip, tmp_path):
    one = detected(clip("constant"), tmp_path / "one", range_s=10_000, fps=1)
    parts = detected(clip("constant"), tmp_path / "parts", range_s=10, fps=1)
    assert (len(one[0].ranges), len(parts[0].ranges)) == (1, 3)
    assert one[1:] == parts[1:]
    assert len(json.loads(one[2]["tracks.json"])["tracks"]) > 1
    assert [warning.code for warning in parts[1].warnings] == ["demo_model"]


def test_a_track_continues_from_one_range_to_the_next(found):
    _, _, files = found("still", range_s=10)
    longest = max(track["frames"] for track in json.loads(files["tracks.json"])["tracks"])
    assert longest > FPS * 10


def packets(given):
    """Return the time, offset and size of the video's packets."""
    show = ("-select_streams", "v", "-show_entries", "packet=pts_time,pos,size", "-of", "csv=p=0")
    command = ("ffprobe", "-v", "error", *show, given.path)
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    for line in lines:
        time_s, size, position, *_ = line.split(",")
        yield float(time_s), int(position), int(size)


def damaged(given, path, *, start_s, end_s):
    """Return a copy of a source whose packets between two times are overwritten."""
    content = bytearray(given.path.read_bytes())
    for time_s, position, size in packets(given):
        if start_s <= time_s < end_s:
            content[position : position + size] = b"\xff" * size
    path.write_bytes(content)
    return source(path)


def times(files):
    return [frame["time"] for frame in json.loads(files["detections.json"])["frames"]]


def test_damage_is_told_with_the_times_of_its_range_and_leaves_the_others(
    clip, sensitive, found, tmp_path
):
    options = {"model": sensitive, "range_s": 10, "fps": FPS}
    broken = damaged(clip("constant"), tmp_path / "broken.mp4", start_s=9.9, end_s=20)
    _, result, files = detected(broken, tmp_path / "parts", **options)
    (warning,) = result.warnings
    assert (warning.code, warning.level) == ("damaged_video", "warning")
    assert "(0 to 20 s)" in warning.message  # a packet at 9.9 s is of the first range
    _, _, intact = found("constant", range_s=10)
    assert [time for time in times(intact) if not 9 <= time < 20] == [
        time for time in times(files) if not 9 <= time < 20
    ]
    assert len(times(files)) < len(times(intact))


def test_damage_before_the_first_good_frame_of_a_range_is_told(clip, sensitive, tmp_path):
    options = {"model": sensitive, "range_s": 10, "fps": FPS}
    broken = damaged(clip("constant"), tmp_path / "broken.mp4", start_s=10, end_s=12)
    _, result, files = detected(broken, tmp_path / "parts", **options)
    assert "to 20 s)" in result.warnings[0].message  # the range before reads a little of it
    assert any(10 < time < 20 for time in times(files))


def test_a_video_without_a_frame_that_can_be_decoded_is_rejected(clip, sensitive, tmp_path):
    broken = damaged(clip("constant"), tmp_path / "broken.mp4", start_s=-1, end_s=99)
    for range_s in (10, 10_000):
        with pytest.raises(BadInput, match="undecodable"):
            detected(broken, tmp_path / f"{range_s}", model=sensitive, range_s=range_s)
