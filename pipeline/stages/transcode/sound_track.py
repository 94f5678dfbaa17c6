"""A file of sound with the frames of one stretch, in fragments that continue those before.

ffmpeg counts the time of a file from the encoder's first frame. Here the number of a frame alone
gives its time, and all files of a track have the same header.
"""

import struct
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.core.errors import BadInput
from pipeline.stages.transcode import cmaf, fragmented
from pipeline.stages.transcode.boxes import Run, Sample
from pipeline.stages.transcode.cmaf import Fragment, Track
from pipeline.stages.transcode.stretches import FRAME, RATE, Stretch

FRAGMENT_S = 2


class _Frame(NamedTuple):
    """A frame: its number, its place in the encoder's file, and its record."""

    number: int
    place: int
    sample: Sample


def placed(source: Path, folder: Path, name: str, stretch: Stretch) -> Track:
    """Write the frames of a stretch to a file of its own.

    Args:
        source: the file of the encoder.
        folder: the work directory.
        name: the file below it.
        stretch: the frames to keep.

    Raises:
        BadInput: ``undecodable``: there are fewer.
    """
    init, header = cmaf.header(source)
    kept = _kept(source, header, stretch)
    init = fragmented.header(init, FRAME)
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    fragments, samples = [], []
    with source.open("rb") as given, target.open("wb") as file:
        file.write(init)
        for _, group in groupby(kept, _slot):
            frames = list(group)
            first = frames[0].number
            run = Run((first + 1) * FRAME, tuple(frame.sample for frame in frames))
            moof = fragmented.of_sound(run, (first + 1) * FRAME // RATE + 1)
            offset = file.tell()
            file.write(moof)
            size = sum(frame.sample.size for frame in frames)
            file.write(struct.pack(">I4s", 8 + size, b"mdat"))
            _copy(given, frames, file)
            lasts = sum(frame.sample.duration for frame in frames)
            start_s, end_s = first * FRAME / RATE, (first * FRAME + lasts) / RATE
            fragments.append(Fragment(offset, file.tell() - offset, start_s, end_s))
            samples.append(cmaf.samples(offset + len(moof) + 8, run))
    return Track(
        name=name,
        codecs=cmaf.codecs(header[b"stsd"]),
        header=init.hex(),
        fragments=tuple(fragments),
        samples=tuple(samples),
    )


def _kept(source: Path, header: dict[bytes, bytes], stretch: Stretch) -> Sequence[_Frame]:
    """Return the frames of the encoder's file that belong to a stretch."""
    frames = []
    number = stretch.first - stretch.dropped
    for found in cmaf.fragments(source, header):
        place = found.media
        for sample in found.run.samples:
            frames.append(_Frame(number, place, sample._replace(shift=0)))
            number += 1
            place += sample.size
    kept = [one for one in frames if stretch.first <= one.number]
    if stretch.end is not None:
        kept = [one for one in kept if one.number < stretch.end]
    if not kept or (stretch.end is not None and kept[-1].number != stretch.end - 1):
        raise BadInput("undecodable", "This track could not be decoded.")
    return kept


def _slot(frame: _Frame) -> int:
    """Return the number of the fragment that a frame belongs to."""
    return max(0, frame.number) * FRAME // (RATE * FRAGMENT_S)


def _copy(given: IO[bytes], frames: Sequence[_Frame], file: IO[bytes]) -> None:
    for frame in frames:
        given.seek(frame.place)
        file.write(given.read(frame.sample.size))
