"""The words that candidates recognise in minutes of speech with known text.

    python -m benchmarks.words [--minutes 20] [--whisper FOLDER] [--only NAME …]

Ours is compared with openai-whisper on the same weights. Exits with 1 if a bar is missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import models, runners, talk
from benchmarks.comparison import BATCHED, FASTER, GREEDY, OURS, Bar, Round, difference, own
from benchmarks.inputs import Input
from pipeline.core import upload_options
from samples.scoring import Hearing

_PART_S: Final = 600
_THREADS: Final = 1

BARS: Final = (
    Bar("word error rate beyond openai-whisper's", difference(OURS, GREEDY, "wer"), most=0.005),
    Bar("word starts, median error (s)", own("start_50_s"), most=0.1),
    Bar("word starts, 95% below (s)", own("start_95_s"), most=0.2),
)


def recognised(
    minutes: float,
    whisper: Path | None = None,
    params: Mapping[str, Any] | None = None,
    only: list[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Return the word error rate and the errors of word starts of each candidate.

    Args:
        minutes: of speech, in videos of at most ten minutes.
        whisper: a CTranslate2 folder in place of this project's own ``base``.
        params: further parameters of our stage.
        only: names of candidates; all by default.
    """
    there = models.speech(whisper)
    torch = {"checkpoint": str(there.checkpoint), "alignment": there.alignment}
    faster = {"folder": str(there.folder)}
    ours = {"stage": "transcribe", "params": {"model": there.name, **(params or {})}}
    jobs: dict[str, tuple[str, dict[str, Any]]] = {
        OURS: ("ours", ours),
        GREEDY: ("alternatives.whisper_greedy", torch),
        FASTER: ("alternatives.faster_whisper", {**faster, "batched": False}),
        BATCHED: ("alternatives.faster_whisper", {**faster, "batched": True}),
    }
    sources = _sources(minutes)
    return {
        name: _score(name, sources, partial(_run, module, options))
        for name, (module, options) in jobs.items()
        if not only or name in only
    }


def _run(module: str, options: Mapping[str, Any], source: Input, out: Path) -> None:
    packages = models.install_faster_whisper() if "faster" in module else None
    runners.job(module, options, threads=_THREADS, packages=packages)(source, out)


def _score(name: str, sources: list[Input], run: Callable[[Input, Path], None]) -> dict[str, float]:
    score = Hearing()
    for source in sources:
        print(f"{name}: {source.name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            run(source, Path(folder))
            heard = talk.read_words(Path(folder) / "results" / "words.json")
        score.add(talk.read_words(talk.words_path(source.path())), heard)
    return {
        "wer": score.word_error_rate,
        "start_50_s": score.start_error(0.5),
        "start_95_s": score.start_error(0.95),
        "words": float(score.spoken),
    }


def _sources(minutes: float) -> list[Input]:
    """Return videos of different sentences and voices."""
    seconds = round(60 * minutes)
    lengths = [min(_PART_S, seconds - at) for at in range(0, seconds, _PART_S)]
    return [Input("talking", length, seed=number) for number, length in enumerate(lengths)]


def verdicts(found: Round) -> list[tuple[Bar, float, bool]]:
    """Return the bars with their values, for the candidates that were measured."""
    rows = []
    for bar in BARS:
        try:
            value = bar.value(found)
        except KeyError:
            continue
        rows.append((bar, value, bar.passed(value)))
    return rows


def main() -> int:
    """Measure and print; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--whisper", type=Path, help="a CTranslate2 folder in place of base")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    arguments = parser.parse_args()
    pairs = upload_options.pairs(arguments.param)
    params = {name: upload_options.value(text) for name, text in pairs.items()}
    found = recognised(arguments.minutes, arguments.whisper, params, arguments.only)
    print("| candidate | words | WER | word starts, median s | 95 % s |\n|---|---|---|---|---|")
    for name, row in found.items():
        starts = f"{row['start_50_s']:.3f} | {row['start_95_s']:.3f}"
        print(f"| {name} | {row['words']:.0f} | {row['wer']:.4f} | {starts} |")
    rows = verdicts(found)
    for bar, value, passed in rows:
        print(f"{bar.name}: {value:.4f}, bar {bar.most}, {'pass' if passed else 'MISSED'}")
    return int(not all(passed for _, _, passed in rows))


if __name__ == "__main__":
    sys.exit(main())
