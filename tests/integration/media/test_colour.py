"""Colours of renditions, posters and storyboards, measured on patches with known values."""

import json
import subprocess

import numpy as np
import pytest
from PIL import Image

from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages.thumbnail import stage as thumbnail
from pipeline.stages.transcode import stage as transcode

from . import playback

PATCHES = ((220, 30, 30), (30, 190, 30), (30, 30, 220), (215, 215, 30), (128, 128, 128))
# Kr and Kb of ITU-R BT.601, BT.709 and BT.2020.
LUMA = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
FRAMES = 5


def planes(colours, matrix, *, full=False, bits=8):
    """Return Y, Cb and Cr of colours in 0…1, as in BT.709 with their own Kr and Kb."""
    kr, kb = LUMA[matrix]
    red, green, blue = np.asarray(colours, float).T
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = (blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)
    span, low, wide = (255, 0, 255) if full else (219, 16, 224)
    scale = 1 << (bits - 8)
    return [np.rint(scale * v) for v in (luma * span + low, *(c * wide + 128 for c in chroma))]


def written(path, codes, size, pix_fmt, *options):
    """Write stripes of the given Y, Cb and Cr, side by side, without loss unless options say so."""
    width, height = size
    deep = "10le" in pix_fmt
    kind = np.dtype("<u2") if deep else np.dtype("u1")
    frame = b""
    for plane, values in enumerate(codes):
        wide, high = (width, height) if not plane else (width // 2, height // 2)
        row = values[np.arange(wide) * len(values) // wide].astype(kind)
        frame += np.tile(row, (high, 1)).tobytes()
    raw = ("-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", f"{width}x{height}", "-r", "25")
    options = options or ("-c:v", "ffv1", "-f", "matroska")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *raw, "-i", "-", *options, path],
        input=frame * FRAMES,
        check=True,
    )
    return Source(path=path, name=path.name, probe=probe(path))


def stripes(image, count):
    """Return the mean colour of the middle of each stripe."""
    height, width, _ = image.shape
    middle = image[height // 4 : 3 * height // 4].astype(float)
    edges = [((n + 0.3) * width / count, (n + 0.7) * width / count) for n in range(count)]
    return np.array([middle[:, round(a) : round(b)].mean((0, 1)) for a, b in edges])


def decoded(variants):
    """Return the first frame of each rendition, as a player that honours its tags shows it."""
    command = ["ffmpeg", "-nostdin", "-v", "error"]
    for _, path in variants:
        command += ["-i", path]
    for number, (_, path) in enumerate(variants):
        command += ["-map", f"{number}:v", "-frames:v", "1", "-pix_fmt", "rgb24"]
        command += ["-f", "rawvideo", path.with_suffix(".rgb")]
    subprocess.run(command, check=True)
    found = {}
    for given, path in variants:
        width, height = map(int, given["RESOLUTION"].split("x"))
        pixels = np.fromfile(path.with_suffix(".rgb"), np.uint8)
        found[path.parent.name] = pixels.reshape(height, width, 3)
    return found


def shown(source, folder, count, **params):
    """Return the stripes of every rendition, the poster and the storyboard's first tile."""
    for stage in (transcode, thumbnail):
        (folder / stage.__name__).mkdir()
    work, still = (folder / stage.__name__ for stage in (transcode, thumbnail))
    transcode.run(source, transcode.Params(**params), work, Deadline(60))
    thumbnail.run(source, thumbnail.Params(), still, Deadline(60))
    renditions = decoded(playback.variants(work / "hls" / "master.m3u8"))
    found = {name: stripes(image, count) for name, image in renditions.items()}
    poster = max(still.glob("poster-*.jpg"), key=lambda p: int(p.stem.partition("-")[2]))
    found["poster"] = stripes(np.asarray(Image.open(poster).convert("RGB")), count)
    board = json.loads((still / "storyboard.json").read_text())
    sheet = np.asarray(Image.open(still / board["sheets"][0]).convert("RGB"))
    tile = board["tile"]
    found["tile"] = stripes(sheet[: tile["height"], : tile["width"]], count)
    return found


@pytest.mark.parametrize(
    ("size", "matrix", "levels", "options"),
    [
        ((1280, 128), "709", "video", ()),
        ((480, 720), "709", "video", ("-c:v", "mpeg4", "-q:v", "2", "-f", "avi")),
        ((720, 576), "601", "video", ()),
        ((640, 128), "601", "video", ("-c:v", "mpeg2video", "-q:v", "2", "-f", "mpegts")),
        ((1280, 128), "709", "full", ("-c:v", "ffv1", "-color_range", "pc", "-f", "matroska")),
        (
            (1280, 128),  # the tags say something else than the size
            "601",
            "video",
            ("-c:v", "ffv1", "-colorspace", "smpte170m", "-f", "matroska"),
        ),
        (
            (320, 128),
            "709",
            "video",
            ("-c:v", "ffv1", "-color_primaries", "bt709", "-f", "matroska"),
        ),
    ],
)
def test_colours_are_within_6_of_255_everywhere(tmp_path, size, matrix, levels, options):
    codes = planes(np.array(PATCHES) / 255, matrix, full=levels == "full")
    source = written(tmp_path / "source", codes, size, "yuv420p", *options)
    found = shown(source, tmp_path, len(PATCHES), rungs=(120, 90))
    assert len(found) == 4
    for name, colours in found.items():
        assert np.abs(colours - PATCHES).max() <= 6, (name, colours.round())


def test_wide_gamuts_are_converted(tmp_path):
    """sRGB's primaries in BT.2020 come out as they were: matrices of ITU-R BT.2087."""
    linear = (np.array(PATCHES) / 255) ** 2.4
    wider = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    codes = planes((linear @ wider.T) ** (1 / 2.4), "2020", bits=10)
    tags = ("-color_primaries", "bt2020", "-color_trc", "bt2020-10", "-colorspace", "bt2020nc")
    options = ("-c:v", "ffv1", *tags, "-f", "matroska")
    source = written(tmp_path / "source", codes, (320, 128), "yuv420p10le", *options)
    for name, colours in shown(source, tmp_path, len(PATCHES)).items():
        assert np.abs(colours - PATCHES).max() <= 6, (name, colours.round())


# Signal levels of ITU-R BT.2408: an 18 % grey card, diffuse white, and the peak of 1000 nits.
LEVELS = {"smpte2084": (0.38, 0.5807, 0.7518), "arib-std-b67": (0.38, 0.75, 1.0)}


@pytest.mark.parametrize("transfer", LEVELS)
def test_white_of_hdr_is_white_and_grey_stays_grey(tmp_path, transfer):
    """White is at 93 to 99 % of the signal, so that highlights are still above it."""
    codes = planes([(v, v, v) for v in LEVELS[transfer]], "2020", bits=10)
    codes = [np.rint(code) for code in codes]
    light = ":max-cll=1000,200" if transfer == "smpte2084" else ""
    tags = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited{light}"
    encoder = ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-f", "mp4")
    options = (*encoder, "-x265-params", f"log-level=error:{tags}")
    source = written(tmp_path / "source", codes, (320, 128), "yuv420p10le", *options)
    assert source.probe.video.peak_nits == (1000 if light else None)
    for name, levels in shown(source, tmp_path, 3).items():
        grey, white, peak = levels.mean(axis=1) / 255
        linear = ((grey + 0.099) / 1.099) ** (1 / 0.45)
        assert linear == pytest.approx(0.18, abs=0.03), name
        assert 0.93 < white < 0.99, name
        assert peak > 0.99, name
        assert np.ptp(levels, axis=1).max() <= 6, name
