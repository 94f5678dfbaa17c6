"""Unusual and hostile clips: each function writes one with ffmpeg to any path."""

import random
import struct
import subprocess
from functools import wraps

from pipeline.media import moov

TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
AAC = ("-c:a", "aac", "-b:a", "64k")


def picture(size="160x90", rate="30"):
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}")


def h264(*, gop=60, pix_fmt="yuv420p"):
    fast = ("-preset", "superfast", "-threads", "1")  # the fastest one with B-frames
    return ("-c:v", "libx264", *fast, "-g", str(gop), "-pix_fmt", pix_fmt)


def ffmpeg(*args):
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *map(str, args)]
    subprocess.run(command, check=True)


def once(maker):
    """Keep what a maker of a clip writes, for the next time in this process."""
    kept = []

    @wraps(maker)
    def write(path):
        if kept:
            path.write_bytes(kept[0])
        else:
            maker(path)
            kept.append(path.read_bytes())

    return write


def patched(path, box, offset, data, *, nth=0):
    """Overwrite bytes of ``path`` at ``offset`` after the nth box type ``box``."""
    content = bytearray(path.read_bytes())
    position = -1
    for _ in range(nth + 1):
        position = content.index(box, position + 1)
    start = position + 4 + offset
    content[start : start + len(data)] = data
    path.write_bytes(content)
    return path


@once
def plain(path):
    """Write 5 s of 320x180 at 30 frames/s, with keyframes every 2 s and audio."""
    ffmpeg(*picture("320x180"), *TONE, "-t", 5, *h264(), *AAC, path)


def long_gops(path):
    ffmpeg(*picture(), *TONE, "-t", 9, *h264(gop=9999), *AAC, path)


def ntsc(path):
    ffmpeg(*picture(rate="30000/1001"), "-t", 7, *h264(gop=9999), path)


def film(path):
    ffmpeg(*picture(rate="24000/1001"), "-t", 7, *h264(gop=9999), path)


@once
def conforming(path):
    """Write 8 s of 320x180 with an IDR frame every 1.6 s, which can be copied."""
    quality = ("-b:v", "200k")
    ffmpeg(*picture("320x180", "15"), *TONE, "-t", 8, *h264(gop=24), *quality, *AAC, path)


def conforming_matroska(path):
    """Write the same in a container whose index has keyframes alone."""
    made = path.with_suffix(".source.mp4")
    conforming(made)
    ffmpeg("-i", made, "-c", "copy", "-f", "matroska", path)


def rotated(path):
    """Write a video stored as 320x180 and shown as 180x320, rotated 90 degrees clockwise."""
    plain(path)
    quarter = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    patched(path, b"tkhd", 40, struct.pack(">9i", *quarter))


def odd_size(path):
    ffmpeg(*picture(), "-t", 3, "-vf", "scale=321:181", *h264(pix_fmt="yuv444p"), path)


def anamorphic(path):
    ffmpeg(*picture("240x180"), "-t", 3, "-vf", "setsar=4/3", *h264(), path)


def vfr(path):
    """Write every frame of 0-2 s, one in ten of 2-5 s, and every other of the rest."""
    keep = "lt(t,2)+between(t,2,5)*not(mod(n,10))+gt(t,5)*not(mod(n,2))"
    drop = ("-vf", f"select='{keep}'", "-vsync", "passthrough")
    ffmpeg(*picture(), *TONE, "-t", 8, *drop, *h264(gop=9999), *AAC, path)


def hdr10(path):
    tags = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=error"
    colour = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    encoder = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", tags, *colour)
    ffmpeg(*picture(), "-t", 2, "-pix_fmt", "yuv420p10le", *encoder, path)


def interlaced(path):
    woven = ("-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ildct+ilme")
    ffmpeg(*picture("160x96", "50"), "-t", 2, *woven, *h264(), path)


def slow(path):
    """Write a frame every 43 s for 5 h 33 min."""
    ffmpeg(*picture("64x64", "7/300"), "-t", 20_000, *h264(gop=50), path)


def fast(path):
    ffmpeg(*picture(rate="120"), "-t", 2, *h264(gop=9999), path)


@once
def silent(path):
    ffmpeg(*picture(), "-t", 3, *h264(), path)


def audio_only(path):
    ffmpeg(*TONE, "-t", 3, *AAC, path)


def two_languages(path):
    other = ("-f", "lavfi", "-i", "sine=frequency=880:sample_rate=44100")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a")
    tags = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu")
    ffmpeg(*picture(), *TONE, *other, "-t", 3, *maps, *tags, *h264(), *AAC, path)


def inverted(path):
    """Write stereo whose right channel is the left one with the opposite sign."""
    turned = ("-af", "pan=stereo|c0=c0|c1=-1*c0")
    ffmpeg(*picture("64x64"), *TONE, "-t", 3, *turned, *h264(), *AAC, path)


def equal_channels(path):
    equal = ("-af", "pan=stereo|c0=c0|c1=c0")
    ffmpeg(*picture("64x64"), *TONE, "-t", 3, *equal, *h264(), *AAC, path)


def third_channel(path):
    """Write three channels without a layout, of which the third has a sound."""
    third = ("-af", "pan=3c|c2=c0", "-c:a", "pcm_s16le", "-f", "matroska")
    ffmpeg(*picture("64x64"), *TONE, "-t", 2, *third, *h264(), path)


def loud_surround(path):
    """Write 5.1 whose channels all have the same tone at 0.9 of full scale."""
    tone = "aevalsrc='" + "|".join(["0.9*sin(2*PI*220*t)"] * 6) + "':c=5.1:s=48000"
    loud = ("-f", "lavfi", "-i", tone, "-c:a", "pcm_s16le", "-f", "matroska")
    ffmpeg(*picture("64x64"), *loud, "-t", 2, *h264(), path)


def many_tracks(path):
    """Write three audio tracks, text and picture subtitles and chapters.

    English is the default and comes third. The first track is a commentary, of 660 Hz.
    """
    one, two = path.with_suffix(".1.srt"), path.with_suffix(".2.srt")
    cue = "1\n00:00:00,500 --> 00:00:01,500\n{}\n"
    one.write_text(cue.format("Tom & Jerry <3 \u0645\u06cc\u200c\u062e"), encoding="utf-8")
    two.write_text(cue.format("<i>Exit</i>"), encoding="utf-8")
    parts = path.with_suffix(".txt")
    chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
    texts = chapter.format(0, 1000, "Intro") + chapter.format(1000, 2000, "End & all")
    parts.write_text(f";FFMETADATA1\n{texts}")
    tones = [("-f", "lavfi", "-i", f"sine=frequency={hz}:sample_rate=48000") for hz in (660, 880)]
    inputs = (*picture("64x64"), *tones[0], *tones[1], *TONE, "-i", one, "-i", two, "-i", parts)
    maps = [part for number in range(6) for part in ("-map", number)]
    tags = (
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:0", 'title=Cut "2", by J. Doe'),
        *("-metadata:s:a:1", "language=deu", "-metadata:s:a:2", "language=eng"),
        *("-metadata:s:s:0", "language=eng", "-metadata:s:s:0", "title=English, all"),
        *("-metadata:s:s:1", "language=deu", "-disposition:s:1", "forced"),
        *("-disposition:a:0", "comment", "-disposition:a:1", "0", "-disposition:a:2", "default"),
    )
    packed = ("-c:s", "srt", "-f", "matroska")
    ffmpeg(*inputs, "-t", 2, *maps, "-map_metadata", 6, *tags, *h264(), *AAC, *packed, path)


def long_sound(path):
    """Write audio that continues for 3 s after the last frame."""
    lasts = ("-filter_complex", "[0]trim=end=2[v]", "-map", "[v]", "-map", "1")
    ffmpeg(*picture(), *TONE, *lasts, "-t", 5, *h264(), *AAC, path)


def trimmed(path):
    """Write a film whose edit list begins in the middle of a GOP, as a phone trims."""
    whole = path.with_suffix(".whole.mp4")
    ffmpeg(*picture("320x180", "15"), *TONE, "-t", 4, *h264(gop=15), "-b:v", "200k", *AAC, whole)
    ffmpeg("-ss", 1.5, "-i", whole, "-c", "copy", path)


def late_sound(path):
    """Write audio that starts 1.5 s after the video."""
    ffmpeg(*picture(), "-itsoffset", 1.5, *TONE, "-t", 4, *h264(), *AAC, path)


def late_sound_ts(path):
    """Write the same in a transport stream, whose clock starts at any value."""
    made = path.with_suffix(".ts")
    ffmpeg(*picture(), "-itsoffset", 1.5, *TONE, "-t", 4, *h264(), *AAC, made)
    made.rename(path)


def late_picture_ts(path):
    """Write a transport stream whose video starts 1 s after the audio."""
    made, kept = path.with_suffix(".ts"), ("-vsync", "passthrough")
    ffmpeg("-itsoffset", 1, *picture(), *TONE, "-t", 3, *kept, *h264(), *AAC, made)
    made.rename(path)


def early_second_sound(path):
    """Write a transport stream whose video and first audio start 1.5 s after its second audio."""
    made, late = path.with_suffix(".ts"), ("-itsoffset", 1.5)
    inputs = (*late, *picture(), *late, *TONE, *TONE)
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a", "-vsync", "passthrough")
    ffmpeg(*inputs, "-t", 3, *maps, *h264(), *AAC, made)
    made.rename(path)


def later_picture(path):
    """Write video that starts 0.07 s after the audio (21 ms of it AAC's), a keyframe every 2 s."""
    plain(path)
    made = path.with_suffix(".mkv")
    tracks = ("-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg("-itsoffset", 0.049, "-i", path, "-i", path, *tracks, made)
    made.rename(path)


def late_clock(path, source, *, seconds, muxer, options=()):
    """Copy ``source`` to another container, on a clock that begins at ``seconds``."""
    clock = ("-output_ts_offset", seconds, "-f", muxer)
    ffmpeg("-i", source, "-map", 0, "-c", "copy", *options, *clock, path)


def late_clock_cut_off(path):
    """Write the first half of a file whose clock begins at an hour."""
    made = path.with_suffix(".mkv")
    ffmpeg(*picture("64x64"), "-t", 60, *h264(), made)
    late_clock(path, made, seconds=3600, muxer="matroska")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def joined(path):
    """Write three concatenated recordings of 2 s: the clock jumps an hour ahead and back."""
    parts = []
    for number, offset in enumerate((0, 3600, 0)):
        part = path.with_name(f"part{number}.ts")
        clock = ("-output_ts_offset", offset)
        ffmpeg(*picture("320x180"), *TONE, "-t", 2, *h264(gop=30), *AAC, *clock, part)
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))


def grown(path):
    """Write three frames of 64x36, and three of 2048x1152 after them."""
    parts = []
    for size in ("64x36", "2048x1152"):
        part = path.with_suffix(f".{size}.ts")
        ffmpeg(*picture(size), "-frames:v", 3, *h264(), part)
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))


def joined_ac3(path):
    """Write the same recording of 3 s twice: sound of the first follows pictures of the second."""
    part = path.with_name("part.ts")
    ffmpeg(*picture("64x64", "25"), *TONE, "-t", 3, *h264(gop=25), "-c:a", "ac3", part)
    path.write_bytes(part.read_bytes() * 2)


def gap(path):
    """Write audio without packets from 2 s to 4 s."""
    pause = ("-af", "aselect='not(between(t,2,4))'")
    ffmpeg(*picture(), *TONE, "-t", 6, *pause, *h264(), "-c:a", "pcm_s16le", "-f", "matroska", path)


def late_picture(path):
    """Write video that starts 1 s after the audio."""
    kept = ("-vsync", "passthrough")
    ffmpeg("-itsoffset", 1, *picture(), *TONE, "-t", 4, *kept, *h264(), *AAC, path)


def one_frame(path):
    ffmpeg(*picture(), "-frames:v", 1, *h264(), path)


def truncated(path):
    """Write a file without its index, which is at the end."""
    plain(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_off(path):
    """Write a file with its index and without the last fifth of its media."""
    ffmpeg(*picture(), *TONE, "-t", 12, *h264(), *AAC, "-movflags", "+faststart", path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 4 // 5])


def damage(path, *, skip=2000, bits=400):
    """Flip random bits of the media data, always the same ones."""
    content = bytearray(path.read_bytes())
    chance = random.Random(7)  # noqa: S311 - reproducible damage
    start, end = content.index(b"mdat") + skip, content.index(b"moov") - 4
    for _ in range(bits):
        content[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def flipped(path):
    plain(path)
    damage(path)


def mirrored_conforming(path):
    """Write a video that could be copied, but is shown upside down, as some cameras write it."""
    conforming(path)
    flip = (0x10000, 0, 0, 0, -0x10000, 0, 0, 180 << 16, 0x40000000)
    patched(path, b"tkhd", 40, struct.pack(">9i", *flip))


def flipped_conforming(path):
    conforming(path)
    damage(path)


def dead(path):
    """Write a video of which only the index is intact."""
    silent(path)
    content = bytearray(path.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    path.write_bytes(content)


def broken_sound(path):
    """Write a video whose audio packets are all overwritten."""
    plain(path)
    content = bytearray(path.read_bytes())
    show = ("-select_streams", "a", "-show_entries", "packet=pos,size", "-of", "csv=p=0")
    command = ["ffprobe", "-v", "error", *show, path]
    for line in subprocess.run(command, capture_output=True, check=True).stdout.split():
        size, position = (int(number) for number in line.split(b",")[:2])
        content[position : position + size] = b"\xff" * size
    path.write_bytes(content)


def located(path):
    place = ("-metadata", "comment=filmed at +48.8577")
    ffmpeg(*picture(), *TONE, "-t", 1, *place, *h264(), *AAC, path)


def black(path):
    ffmpeg("-f", "lavfi", "-i", "color=black:s=320x180:r=10", "-t", 3, *h264(), path)


def mostly_black(path):
    fades = "fade=in:st=6:d=0.4,fade=out:st=7.6:d=0.4"
    ffmpeg(*picture(rate="10"), *TONE, "-t", 12, "-vf", fades, *h264(gop=5), *AAC, path)


def brightening(path):
    """Write frames of grey level 40 t, so that the grey level gives the time."""
    ffmpeg(*brightening_picture(), *h264(gop=5), *AAC, path)


def brightening_picture():
    grey = "geq=lum='16+40*T*219/255':cb=128:cr=128"
    plane = ("-f", "lavfi", "-i", "color=black:s=160x90:r=10")
    return (*plane, *TONE, "-t", 5, "-vf", grey)


def brightening_avi(path):
    """Write the same with B-frames in AVI, which has no presentation times.

    The decoder's delay, here one frame, is not in the file: frames are shown so much later.
    """
    ordered = ("-bf", 3, "-x264-params", "b-adapt=0:b-pyramid=none", "-f", "avi")
    ffmpeg(*brightening_picture(), *h264(gop=10), *ordered, *AAC, path)


def dense_then_rare(path):
    """Write keyframes every 0.2 s for 2 s, and then none until 12 s."""
    keys = ("-force_key_frames", "expr:lt(t,2)*gte(t,n_forced*0.2)", "-sc_threshold", 0)
    ffmpeg(*picture(rate="10"), "-t", 12, *h264(gop=9999), *keys, path)


def rare_at_the_end(path):
    """Write keyframes every 0.2 s for 38 s, and then none until 40 s."""
    keys = ("-force_key_frames", "expr:lt(t,38)*gte(t,n_forced*0.2)", "-sc_threshold", 0)
    ffmpeg(*picture("64x64", "10"), "-t", 40, *h264(gop=9999), *keys, path)


def long_and_dense(path):
    """Write 2 min at 10 frames/s with a keyframe every 0.2 s."""
    ffmpeg(*picture("64x64", "10"), "-t", 120, *h264(gop=2), path)


def late_and_dense(path):
    """Write 40 s of sound, and from the ninth second on pictures with a keyframe every 0.2 s."""
    sound = ("-f", "lavfi", "-i", "sine=300")
    late = ("-itsoffset", 9, *picture("64x64", "10"), "-vsync", "passthrough")
    ffmpeg(*sound, *late, "-t", 40, *h264(gop=2), *AAC, path)


def dense_from_the_minute(path):
    """Write 30 s whose clock begins at 60 s, as in a part of a stream."""
    begins = ("-output_ts_offset", 60, "-f", "matroska")
    ffmpeg(*picture("64x64", "10"), "-t", 30, *h264(gop=2), *begins, path)


def mvhd_lie(path):
    """Write a movie header with a duration of 2,147,483,647 units."""
    plain(path)
    patched(path, b"mvhd", 16, struct.pack(">I", 0x7FFFFFFF))


def half_day_lie(path):
    """Write a Matroska header with a duration of 12 hours, before 5 s of media."""
    made = path.with_suffix(".source.mp4")
    plain(made)
    ffmpeg("-i", made, "-map", 0, "-c", "copy", "-f", "matroska", path)
    content = path.read_bytes()
    at = content.index(b"\x44\x89\x88") + 3
    path.write_bytes(content[:at] + struct.pack(">d", 12 * 3600 * 1000.0) + content[at + 8 :])


def header_only(path):
    """Write an index without its media."""
    ffmpeg(*picture(), "-t", 3, *h264(), "-movflags", "+faststart", path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"mdat") + 4])


def subtitles_alone(path):
    text = path.with_suffix(".srt")
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    ffmpeg("-i", text, "-c:s", "srt", "-f", "matroska", path)


def playlist(path):
    secret = path.with_name("secret.ts")
    ffmpeg(*picture(), "-t", 1, *h264(), secret)
    lines = ("#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", f"file://{secret}")
    path.write_text("\n".join((*lines, "#EXT-X-ENDLIST", "")))


def concat_script(path):
    secret = path.with_name("secret2.mp4")
    silent(secret)
    path.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")


def html(path):
    path.write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")


def text(path):
    path.write_text("This is not a video.\n" * 50)


def noise(path):
    path.write_bytes(random.Random(3).randbytes(50_000))  # noqa: S311 - reproducible


def empty(path):
    path.write_bytes(b"")


def image(path):
    ffmpeg(*picture(), "-frames:v", 1, path.with_suffix(".png"))
    path.with_suffix(".png").rename(path)


def cover_art(path):
    """Write audio with cover art."""
    sleeve = path.with_suffix(".png")
    ffmpeg(*picture("64x64"), "-frames:v", 1, sleeve)
    tagged = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg(*TONE, "-i", sleeve, "-t", 3, *tagged, *AAC, path)


def still_track(path):
    """Write a film whose cover is an ordinary track before the picture."""
    sleeve = path.with_suffix(".jpg")
    ffmpeg(*picture("64x64"), "-frames:v", 1, sleeve)
    tracks = ("-map", 0, "-map", 1, "-disposition:v", 0, *h264(), "-c:v:0", "copy")
    ffmpeg("-i", sleeve, *picture(), "-t", 1, *tracks, "-f", "matroska", path)


def disordered_keys(path):
    """Write open GOPs whose keyframes come in another order if no other frames are decoded."""
    gop = "open-gop=1:bframes=3:b-adapt=0:scenecut=0"
    given = (*picture(rate="25"), "-t", 8, *h264(gop=50), "-x264-params", gop)
    ffmpeg(*given, "-f", "matroska", path)


def podcast(path):
    """Write an MP3 of 4 s with cover art of 300 x 300, silent in its second half."""
    sleeve, made = path.with_suffix(".jpg"), path.with_suffix(".mp3")
    ffmpeg(*picture("300x300"), "-frames:v", 1, sleeve)
    quiet = ("-af", "volume=0:enable='gt(t,2)'", "-ac", 1, "-id3v2_version", 3)
    tagged = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg(*TONE, "-i", sleeve, "-t", 4, *tagged, *quiet, made)
    made.rename(path)


def audiobook(path):
    """Write quiet AAC with two chapters."""
    marks = path.with_suffix(".txt")
    marks.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=1\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1\nSTART=1\nEND=3\ntitle=Two\n"
    )
    made = path.with_suffix(".m4a")
    ffmpeg(*TONE, "-i", marks, "-t", 3, "-map", 0, "-map_chapters", 1, *AAC, "-ac", 2, made)
    made.rename(path)


def two_talks(path):
    """Write AAC in two languages, stereo, the second one as the default; no picture."""
    other = ("-f", "lavfi", "-i", "sine=frequency=880:sample_rate=44100")
    tags = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu")
    flags = ("-disposition:a:0", "0", "-disposition:a:1", "default")
    made = path.with_suffix(".mka")
    ffmpeg(*TONE, *other, "-t", 3, "-map", "0", "-map", "1", *tags, *flags, *AAC, "-ac", 2, made)
    made.rename(path)


def bad_talk(path):
    """Write AAC whose packets are damaged from the middle on."""
    audio_only(path)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat")
    for at in range(start + 12_000, start + 16_000, 37):
        content[at] ^= 0x55
    path.write_bytes(content)


def shifted(path):
    """Write a transport stream whose timestamps do not begin at zero."""
    made = path.with_suffix(".ts")
    ffmpeg(*picture(), *TONE, "-t", 5, *h264(), *AAC, "-output_ts_offset", 9000, made)
    made.rename(path)


def raw_aac(path):
    made = path.with_suffix(".aac")
    ffmpeg(*TONE, "-t", 3, *AAC, made)
    made.rename(path)


def many_streams(path):
    ffmpeg(*picture("64x64"), "-t", 1, *("-map", "0") * 12, *h264(), path)


def raw_h264(path):
    ffmpeg(*picture(), "-t", 1, *h264(), "-f", "h264", path)


def quiet_then_loud(path):
    """Write ADTS audio whose first part has a tenth of the bit rate: ffmpeg overestimates it."""
    sound = "aevalsrc=if(gt(t\\,20)\\,random(0)-0.5\\,0):d=30"
    ffmpeg("-f", "lavfi", "-i", sound, "-c:a", "aac", "-q:a", 2, "-f", "adts", path)


def _long(path, *options, seconds=9, rate="20", audio=AAC, sound_late_s=0.0):
    """Write noise that never repeats over a counting picture, with a keyframe every 2.5 s."""
    noise = ("-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=44100:seed=1:amplitude=0.3")
    late = ("-itsoffset", sound_late_s) if sound_late_s else ()
    ffmpeg(*picture(rate=rate), *late, *noise, "-t", seconds, *options, *audio, path)


def long_plain(path):
    _long(path, *h264(gop=50))


def long_index_first(path):
    _long(path, *h264(gop=50), "-movflags", "+faststart")


def long_fragmented(path):
    _long(path, *h264(gop=50), "-movflags", "+frag_keyframe+empty_moov")


def long_matroska(path):
    _long(path, *h264(gop=50), "-f", "matroska")


def long_webm(path):
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50")
    _long(path, *vp9, "-f", "webm", audio=("-c:a", "libopus"))


def long_vfr(path):
    keep = "lt(t,4)+between(t,4,8)*not(mod(n,37))+gt(t,8)*not(mod(n,2))"
    _long(path, "-vf", f"select='{keep}'", "-vsync", "passthrough", *h264(gop=50))


def long_open_gop(path):
    gop = "open-gop=1:bframes=5:b-adapt=0:b-pyramid=normal:keyint=40:min-keyint=40"
    _long(path, *h264(gop=40), "-x264-params", gop)


def long_intra_refresh(path):
    """Write a video whose keyframes are completed by the frames that follow."""
    _long(path, *h264(gop=40), "-x264-params", "intra-refresh=1:keyint=40")


def long_open_gop_matroska(path):
    gop = "open-gop=1:bframes=5:b-adapt=0:b-pyramid=normal:keyint=40:min-keyint=40"
    _long(path, *h264(gop=40), "-x264-params", gop, "-f", "matroska")


def long_hevc(path):
    """Write HEVC with open GOPs, whose leading frames are dropped after a seek."""
    _long(path, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=40:log-level=1")


def long_late_sound(path):
    _long(path, *h264(gop=50), sound_late_s=5.3)


def long_surround(path):
    voices = "|".join(f"0.3*sin(2*PI*{110 * n}*t*t/9)" for n in range(1, 7))
    sound = ("-f", "lavfi", "-i", f"aevalsrc='{voices}':c=5.1:s=48000")
    ffmpeg(*picture(rate="20"), *sound, "-t", 9, *h264(gop=50), "-c:a", "aac", path)


def long_pcm(path):
    """Write sound without loss, for the comparison of samples."""
    _long(path, *h264(gop=50), "-f", "mov", audio=("-c:a", "pcm_s16le"))


def long_pcm_matroska(path):
    _long(path, *h264(gop=50), "-f", "matroska", audio=("-c:a", "flac"))


def long_transport(path):
    _long(path, *h264(gop=50), "-f", "mpegts")


def long_wave(path):
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=sample_rate=44100:seed=1", "-t", 9, "-f", "wav", path)


def long_flac(path):
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=sample_rate=44100:seed=1", "-t", 9, "-f", "flac", path)


def long_mp3(path):
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=sample_rate=44100:seed=1", "-t", 9, "-f", "mp3", path)


def long_mp3_varying(path):
    noise = ("-f", "lavfi", "-i", "anoisesrc=sample_rate=44100:seed=1")
    ffmpeg(*noise, "-t", 9, "-q:a", "4", "-f", "mp3", path)


def long_ogg(path):
    noise = ("-f", "lavfi", "-i", "anoisesrc=sample_rate=44100:seed=1")
    ffmpeg(*noise, "-t", 9, "-c:a", "libvorbis", "-f", "ogg", path)


def five_minutes(path, *options):
    """Write 5 min at about 1 Mbit/s, with a keyframe every 3 s."""
    part = path.with_suffix(".part.mp4")
    rate = ("-b:v", "1M", "-minrate", "1M", "-maxrate", "1M", "-bufsize", "1M", "-nal-hrd", "cbr")
    noise = ("-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=48000:seed=1")
    ffmpeg(*picture("64x36", "10"), *noise, "-t", 21, *h264(gop=30), *rate, *AAC, part)
    ffmpeg("-stream_loop", 15, "-i", part, "-t", 300, "-c", "copy", *options, path)
    part.unlink()


def five_minutes_matroska(path):
    five_minutes(path, "-f", "matroska")


@once
def slow_sound(path):
    """Write an hour of sound of one sample a second, which takes minutes to resample."""
    size = 2 * 3600
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 1, 2, 2, 16
    )
    path.write_bytes(head + struct.pack("<4sI", b"data", size) + bytes(size))


@once
def endless_edits(path):
    """Write a track of 20,000 edits, for each of which ffmpeg walks the index."""
    plain(path)
    content = path.read_bytes()
    place = moov.place(path)
    entries = b"".join(struct.pack(">IiHH", 1, number % 90_000, 1, 0) for number in range(20_000))
    edits = struct.pack(">II", 0, 20_000) + entries
    boxes = [
        moov.packed(kind, moov.replaced(inner, {b"elst": edits}) if kind == b"trak" else inner)
        for kind, inner in moov.boxes(content[place.body : place.end])
    ]
    path.write_bytes(content[: place.start] + moov.packed(b"moov", b"".join(boxes)))


@once
def million_frames(path):
    """Write 100 frames within 100 microseconds."""
    clock = ("-vf", "settb=1/1000000,setpts=N", "-video_track_timescale", 1_000_000)
    ffmpeg(*picture("64x64"), *clock, "-r", 1_000_000, "-frames:v", 100, *h264(), path)
