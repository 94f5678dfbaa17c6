"""Count the bytes of a source that its ranges read, against the bytes that it has.

    python -m benchmarks.bytes_read [--stages transcode …] [--films short …] [--record]

Films are divided as the stages divide them, with the usual lengths of ranges. Each range has a
server of its own, as on a host of its own, and the excerpt that its plan made. What is computed is
as little as possible: renditions are small, and the sound has no speech. Exits with 1 if a bar is
missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import results
from benchmarks.alternatives.command import ffmpeg
from benchmarks.inputs import FOLDER
from pipeline import bootstrap
from pipeline.core import stage as stages
from pipeline.core.in_place import Local
from pipeline.core.location import Address
from pipeline.core.ranges import Work
from pipeline.core.stage import Deadline, Source
from pipeline.media import excerpt, served
from pipeline.media.blocks import Blocks
from pipeline.media.excerpt import Excerpt
from pipeline.media.probe import probe
from pipeline.stages import loading

MOST_READ: Final = 1.15
HISTORY: Final = results.HISTORY / "bytes_read.md"
_STAGES: Final = ("transcode", "transcribe", "detect")
PARAMS: Final[dict[str, dict[str, Any]]] = {
    "transcode": {"rungs": (90,), "preset": "ultrafast"},
    "detect": {"image_size": 64},
}
_LOOP_S: Final = 20
_DAY_S: Final = 86400.0


class Film(NamedTuple):
    """A film to be made: its length, bits a second, and how it is written."""

    minutes: int
    bps: int
    options: tuple[str, ...]


FILMS: Final = {
    "index-first": Film(12, 1_000_000, ("-movflags", "+faststart", "-f", "mp4")),
    "index-last": Film(12, 1_000_000, ("-f", "mp4")),
    "matroska": Film(12, 1_000_000, ("-f", "matroska")),
    "short": Film(4, 400_000, ("-f", "mp4")),
}


class Read(NamedTuple):
    """The bytes that a stage has read of a film.

    Attributes:
        ranges: number of them.
        fetched: bytes, those of excerpts included.
        requests: their number.
        excerpts: bytes of all excerpts.
        plan: bytes read by the probe and the plan.
    """

    ranges: int
    fetched: int
    requests: int
    excerpts: int
    plan: int


def main() -> int:
    """Measure, print, and return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stages", nargs="+", choices=_STAGES, default=_STAGES)
    parser.add_argument("--films", nargs="+", choices=list(FILMS), default=list(FILMS))
    parser.add_argument("--record", action="store_true", help=f"add to {HISTORY.name}")
    arguments = parser.parse_args()
    rows, worst = [], 0.0
    for name in arguments.films:
        path = made_film(name, FILMS[name])
        size = path.stat().st_size
        for stage in arguments.stages:
            found = measured(stage, path, PARAMS.get(stage, {}))
            if found.ranges > 1:
                worst = max(worst, found.fetched / size)
            rows.append(_row(name, stage, size, found))
            print(rows[-1], flush=True)
    title = f"## At commit {results.commit()}\n"
    head = (
        "| film | stage | ranges | MB | read | : film | plan | excerpts | requests a range |",
        "|---|---|---|---|---|---|---|---|---|",
    )
    text = "\n".join([title, *head, *rows, ""])
    if arguments.record:
        with HISTORY.open("a", encoding="utf-8") as history:
            history.write("\n" + text)
    print(text)
    return int(worst > MOST_READ)


def measured(name: str, path: Path, params: dict[str, Any]) -> Read:
    """Return what a stage reads of a file, by the plan, all ranges and the merge.

    Args:
        name: the stage.
        path: the file.
        params: those of the stage that are not the usual ones.
    """
    module = loading.module(name, bootstrap.settings())
    stage = stages.divisible(module)
    if stage is None:
        raise SystemExit(f"{name} has no ranges")
    chosen, report = module.Params(**params), Deadline(_DAY_S)
    fetched = requests = packed_bytes = 0

    def source(address: Address) -> Source:
        return Source(path=address, name=path.name, probe=known)

    with served_apart(path) as (address, blocks):
        known = probe(address)
        plan = stage.plan(source(address), chosen, report)
        spans = [(one.start_s, one.end_s) for one in plan.ranges]
        packed = [one.packed() for one in excerpt.of(address, known, spans)] if plan.spreads else []
    planned = blocks.fetched
    fetched, requests = planned, blocks.requests
    made: list[Local] = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for number, range_ in enumerate(plan.ranges):
            own = packed[number] if packed else b""
            with served_apart(path, own) as (address, blocks):
                earlier = [one for one in made if range_.reads(one.range)]
                place = Work(work, f"{range_.name}-1")
                part = stage.run_range(
                    source(address), chosen, plan, range_, earlier, place, report
                )
            made.append(Local(range_, part, work))
            fetched += blocks.fetched + len(own)
            requests += blocks.requests + bool(own)
            packed_bytes += len(own)
        with served_apart(path) as (address, blocks):
            stage.merge(source(address), chosen, plan, made, work, report)
    fetched, requests = fetched + blocks.fetched, requests + blocks.requests
    return Read(len(plan.ranges), fetched, requests, packed_bytes, planned)


@contextmanager
def served_apart(path: Path, packed: bytes = b"") -> Iterator[tuple[Address, Blocks]]:
    """Serve a file as to a host that has read nothing of it but an excerpt."""
    with path.open("rb") as file:

        def read(start: int, end: int) -> bytes:
            file.seek(start)
            return file.read(end - start)

        known = Excerpt.of_packed(packed) if packed else Excerpt()
        with served.serve(path.stat().st_size, read, known) as found:
            yield found


def made_film(name: str, film: Film) -> Path:
    """Return a film; make it if it is missing."""
    target = FOLDER / f"bytes-{name}"
    if not target.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        rate = str(film.bps - 128_000)
        picture = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25")
        noise = ("-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=48000:seed=1")
        video = (
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-g",
            "75",
            "-nal-hrd",
            "cbr",
            "-bufsize",
            rate,
        )
        rates = ("-b:v", rate, "-minrate", rate, "-maxrate", rate, "-c:a", "aac", "-b:a", "128k")
        loop = target.with_suffix(".loop.mp4")
        ffmpeg(*picture, *noise, "-t", str(_LOOP_S), *video, *rates, loop)
        length = ("-stream_loop", "-1", "-i", str(loop), "-t", str(60 * film.minutes))
        ffmpeg(*length, "-c", "copy", *film.options, target)
        loop.unlink()
    return target


def _row(film: str, stage: str, size: int, found: Read) -> str:
    cells: Sequence[Any] = (
        f"{film}, {FILMS[film].minutes} min, {FILMS[film].bps / 1e6:.1f} Mb/s",
        stage,
        found.ranges,
        f"{size / 1e6:.1f}",
        f"{found.fetched / 1e6:.1f}",
        f"{found.fetched / size:.3f}",
        f"{found.plan / size:.3f}",
        f"{found.excerpts / size:.3f}",
        round(found.requests / (found.ranges + 1)),
    )
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main())
