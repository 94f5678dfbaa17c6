"""Peak memory of transcribing and detecting: it must not grow with the length of the video.

    python -m benchmarks.memory CLIP [--minutes 5 60]

Each measurement is a new process; the long inputs are the clip, looped without encoding.
``beyond`` is a run's peak memory minus that of a process that has only loaded the model.
"""

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline import bootstrap
from pipeline.core import stage
from pipeline.media.probe import probe
from pipeline.stages import loading

STAGES = ("transcribe", "detect")


def main() -> None:
    """Measure and print a table; exit with 1 if a run needs too much."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clip", type=Path, help="a video with speech, to be looped")
    parser.add_argument("--minutes", type=int, nargs="+", default=[5, 60])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--limit", type=float, default=300.0, help="MB beyond the model")
    parser.add_argument("--run", nargs=2, metavar=("STAGE", "OUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        _run(args.run[0], args.clip, Path(args.run[1]))
        return
    print("| stage | input | peak MB | beyond MB | s |")
    print("|---|---|---|---|---|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as directory:
        videos = {f"{n} min": _looped(args.clip, n, Path(directory)) for n in args.minutes}
        for name in args.stages:
            model, _ = _measure(name, Path(), Path(directory))
            print(f"| {name} | model only | {model:.0f} | | |", flush=True)
            for label, video in videos.items():
                peak, seconds = _measure(name, video, Path(directory))
                worst = max(worst, peak - model)
                row = f"| {name} | {label} | {peak:.0f} | {peak - model:.0f} | {seconds:.0f} |"
                print(row, flush=True)
    sys.exit(worst > args.limit)


def _looped(clip: Path, minutes: int, directory: Path) -> Path:
    """Return ``clip`` looped to that many minutes."""
    video = directory / f"{minutes}.mp4"
    rounds = math.ceil(60 * minutes / probe(clip).duration_s)
    options = ("-nostdin", "-v", "error", "-stream_loop", str(rounds - 1))
    command = ("ffmpeg", *options, "-i", clip, "-map", "0", "-c", "copy", video)
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments
    return video


def _measure(name: str, video: Path, directory: Path) -> tuple[float, float]:
    """Return the peak memory of a run in MB, without ffmpeg's, and its seconds."""
    work = Path(tempfile.mkdtemp(dir=directory))
    command = (sys.executable, __file__, video, "--run", name, work)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - see above
    peak, seconds = map(float, done.stdout.split())
    return peak, seconds


def _run(name: str, video: Path, work: Path) -> None:
    """Run a stage in the measured process, or without a video only load its model."""
    module = loading.module(name, bootstrap.settings())
    params = module.Params()
    module.warm_up(params)
    begun = time.monotonic()
    if video.is_file():
        source = stage.Source(path=video, name=video.name, probe=probe(video))
        module.run(source, params, work, stage.Deadline(24 * 3600.0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # it is in KiB on Linux
    print(peak, time.monotonic() - begun)


if __name__ == "__main__":
    main()
