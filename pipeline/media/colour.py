"""The colours of decoded frames: those that tags leave out, and their conversion to SDR BT.709.

Names are ffmpeg's. Levels of HDR follow ITU-R BT.2408: diffuse white is 203 nits, which is 75 %
HLG. It is shown as SDR white, an 18 % grey card keeps its level, and only highlights are
compressed.
"""

from functools import cache
from typing import Any, NamedTuple

from pipeline.core.media_info import VideoStream
from pipeline.media import ffmpeg

_DIFFUSE_WHITE = 203.0  # nits
_HLG_PEAK = 1000.0  # nits of the display for which HLG is made
_PQ_PEAK = 10_000.0  # the end of PQ's scale, for files that do not give their own peak
# Linear light up to this share of SDR white stays as it is. Diffuse white then has 96 % of the
# signal, and brighter light has the rest.
_KNEE = 0.8

_HD_WIDTH, _HD_HEIGHT = 1280, 720
_PAL_LINES = (576, 288)
_HD, _PAL, _NTSC = "bt709", "bt470bg", "smpte170m"
_MATRIX_OF = {_HD: _HD, _PAL: _PAL, _NTSC: _NTSC, "bt2020": "bt2020nc"}
_PRIMARIES_OF = {_HD: _HD, _PAL: _PAL, _NTSC: _NTSC, "bt2020nc": "bt2020", "bt2020c": "bt2020"}
_SD = (_PAL, _NTSC)
# swscale knows these matrices, and players do. Frames with others are converted.
_COMMON_MATRICES = ("bt709", "bt470bg", "smpte170m", "bt2020nc")
_SWSCALE_MATRICES = {*_COMMON_MATRICES, "fcc", "smpte240m"}
_ZIMG_MATRICES = {"bt2020c", "ycgco", "chroma-derived-nc", "chroma-derived-c", "ictcp"}
_WIDE_PRIMARIES = {"bt2020", "smpte431", "smpte432"}
# Curves of displays that zimg can convert; cameras' curves are all shown as BT.709 is.
_OTHER_CURVES = {"linear", "iec61966-2-1", "bt470m", "bt470bg"}
_RGB = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "pal8", "x2rgb", "x2bgr")


class Colour(NamedTuple):
    """The tags of frames: matrix, primaries and transfer function."""

    matrix: str
    primaries: str
    transfer: str


def of(video: VideoStream) -> Colour:
    """Return the colour of the decoded frames; tags that are missing follow as players guess them.

    A missing matrix follows from the primaries, or else from the stored size: BT.709 for HD, and
    BT.601 for PAL and NTSC. Tags of HDR that are missing are those of BT.2020.
    """
    if video.hdr:
        return Colour(
            video.color_space or "bt2020nc",
            video.color_primaries or "bt2020",
            video.color_transfer or "",
        )
    tagged_matrix = video.color_space in _SWSCALE_MATRICES | _ZIMG_MATRICES
    if tagged_matrix:
        matrix = str(video.color_space)
    else:
        matrix = _MATRIX_OF.get(video.color_primaries or "", _by_size(video))
    return Colour(
        matrix,
        video.color_primaries or _PRIMARIES_OF.get(matrix, _by_size(video)),
        video.color_transfer or (_NTSC if matrix in _SD and not tagged_matrix else _HD),
    )


def shown(video: VideoStream) -> Colour:
    """Return the colour of the frames that ``normalised`` gives."""
    if converted(video):
        return Colour(_HD, _HD, _HD)
    matrix, primaries, transfer = of(video)
    if matrix not in _COMMON_MATRICES:
        matrix = _by_size(video)
    return Colour(matrix, primaries, _HD if video.hdr else transfer)


def tagged(stream: Any, video: VideoStream) -> Any:
    """Add the matrix to frames that lack it; otherwise swscale takes BT.601 for every size."""
    matrix = of(video).matrix
    if matrix == video.color_space or video.pix_fmt.startswith(_RGB):
        return stream
    return stream.filter("setparams", colorspace=matrix)


def normalised(stream: Any, video: VideoStream) -> Any:
    """Convert HDR, wide gamuts and rare matrices to SDR BT.709; leave other frames as they are."""
    if not converted(video):
        return stream
    matrix, primaries, transfer = of(video)
    if not video.hdr and transfer not in _OTHER_CURVES:
        transfer = _HD
    stream = stream.filter(
        "setparams",  # zscale rejects frames with incomplete colour parameters
        range=video.color_range or ("pc" if video.pix_fmt.startswith((*_RGB, "yuvj")) else "tv"),
        color_primaries=primaries,
        color_trc=transfer,
        colorspace=matrix,
    )
    if video.hdr:
        stream = _tone_mapped(stream, video)
    bt709 = {"primaries": "bt709", "transfer": "bt709", "matrix": "bt709", "range": "tv"}
    return stream.filter("zscale", **bt709).filter("format", "yuv420p")


def converted(video: VideoStream) -> bool:
    """Return whether ``normalised`` changes the frames: HDR, a wide gamut, or a rare matrix."""
    matrix, primaries, transfer = of(video)
    other = (
        video.hdr
        or primaries in _WIDE_PRIMARIES
        or matrix in _ZIMG_MATRICES
        or transfer == "linear"
    )
    return bool(other) and can_tone_map()


@cache
def can_tone_map() -> bool:
    """Return whether this ffmpeg was built with zimg; without it HDR looks pale."""
    colour = "setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    chain = f"{colour},zscale=transfer=linear,format=gbrpf32le,tonemap"
    frame = ("-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1")
    return ffmpeg.works(*frame, "-vf", chain, "-f", "null", "-")


def _tone_mapped(stream: Any, video: VideoStream) -> Any:
    """Convert PQ or HLG to linear light of BT.709 in which 1.0 is SDR white."""
    nits = _HLG_PEAK if video.hdr == "hlg" else video.peak_nits or _PQ_PEAK
    peak = min(max(nits, _DIFFUSE_WHITE), _PQ_PEAK) / _DIFFUSE_WHITE
    return (
        stream.filter("zscale", transfer="linear", npl=_DIFFUSE_WHITE)
        .filter("format", "gbrpf32le")
        .filter("zscale", primaries="bt709")
        .filter("tonemap", tonemap="mobius", param=_KNEE, peak=f"{peak:.6g}", desat=0)
    )


def _by_size(video: VideoStream) -> str:
    if video.coded_width >= _HD_WIDTH or video.coded_height >= _HD_HEIGHT:
        return _HD
    return _PAL if video.coded_height in _PAL_LINES else _NTSC
