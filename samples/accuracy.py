"""Accuracy of the sample models in the project's own stages: make accuracy.

Held-out videos are generated once under build/accuracy. As in production, both stages read MP4
files; the ground truth comes from the generator.
"""

import argparse
import dataclasses
import json
import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import words
from benchmarks.alternatives.job import Job
from benchmarks.measure import environment, measure
from pipeline import bootstrap
from pipeline.core.stage import Deadline, Source
from pipeline.media.probe import probe
from pipeline.stages import loading
from pipeline.stages.transcribe import stage as transcribe
from samples import grammar, held_out
from samples.held_out import HeldOut
from samples.scoring import Found, Hearing, Sight
from samples.speech import Word
from samples.video import truth_path

FOLDER: Final = Path("build/accuracy")
_SPEECH: Final = "whisper-shapes"
_OBJECTS: Final = "yolo-shapes"
_CHECKPOINT: Final = Path(__file__).with_name("models") / f"{_SPEECH}.pt"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: a figure and, for some, the bar to meet."""

    name: str
    value: float
    bar: float | None = None
    more_is_better: bool = False

    @property
    def passed(self) -> bool | None:
        """Return True if the bar is met; None without a bar."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.more_is_better else self.value <= self.bar


def said(video: Path) -> list[Word]:
    """Return the spoken words of a video, from its ground truth."""
    truth = json.loads(truth_path(video).read_text(encoding="utf-8"))
    return [Word(word["word"], word["start"], word["end"]) for word in truth["words"]]


def heard(video: Path, params: transcribe.Params | None = None) -> list[Word]:
    """Return the words that the transcribe stage recognises."""
    chosen = params or transcribe.Params(model=_SPEECH)
    transcript = _run(transcribe, video, chosen, "transcript.json")
    return [
        Word(word["text"], word["start"], word["end"])
        for segment in transcript["segments"]
        for word in segment["words"]
    ]


def heard_by_whisper(video: Path) -> list[Word]:
    """Return the words that `whisper.transcribe` recognises with its defaults.

    The defaults include earlier text as the prompt, which the stage does not use. The checkpoint
    has the official format, and must work with the official library's defaults.
    """
    options = {"checkpoint": str(_CHECKPOINT), "language": "en"}
    found = _run_apart("alternatives.whisper_defaults", options, video, "words.json")
    return [Word(*word) for word in found]


def hearing(videos: HeldOut, listen: Any = heard) -> Hearing:
    """Score the words of a set of videos."""
    score = Hearing()
    for video in videos.files(FOLDER):
        _note(f"transcribing {video.name}")
        score.add(said(video), listen(video))
    return score


def sight(videos: HeldOut, **params: Any) -> Sight:
    """Score the boxes of a set of videos, in the frames that the detect stage sampled.

    Args:
        videos: the videos.
        params: of the stage.
    """
    score = Sight(grammar.SHAPES)
    # Average precision also needs boxes of low confidence.
    chosen = {"model": _OBJECTS, "confidence": 0.01, "max_detections": 100, **params}
    options = {"stage": "detect", "params": chosen}
    for video, make in zip(videos.files(FOLDER), videos.videos, strict=True):
        _note(f"detecting in {video.name}")
        shots = list(make())
        for frame in _run_apart("ours", options, video, "detections.json")["frames"]:
            number = round(frame["time"] * shots[0].fps)
            for shot in shots:
                if number < shot.count:
                    break
                number -= shot.count
            there = [Found(seen.shape, seen.box.edges) for seen in shot.seen(number)]
            objects = frame["objects"]
            score.add(there, [Found(o["label"], tuple(o["box"]), o["confidence"]) for o in objects])
    return score


def _run(stage: Any, video: Path, params: Any, name: str) -> Any:
    source = Source(path=video, name=video.name, probe=probe(video))
    with tempfile.TemporaryDirectory() as work:
        stage.run(source, params, Path(work), Deadline(3600))
        return json.loads((Path(work) / name).read_text(encoding="utf-8"))


def _run_apart(module: str, options: dict[str, Any], video: Path, name: str) -> Any:
    """Run a job of ``benchmarks`` in a process of its own, and return a JSON file of its results.

    So torch, CTranslate2 and ONNX Runtime never share a process.
    """
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        Job(video.resolve(), Path(folder), options={"threads": 1, **options}).write(job)
        measure([sys.executable, "-m", f"benchmarks.{module}", job], environment(1))
        return json.loads((Path(folder) / "results" / name).read_text(encoding="utf-8"))


def speech(minutes: float) -> list[Row]:
    """Measure a real Whisper on minutes of speech with known text."""
    found = words.recognised(minutes)
    bars = [Row(bar.name, value, bar.most) for bar, value, _ in words.verdicts(found)]
    return [*(Row(f"word error rate, {name}", row["wer"]) for name, row in found.items()), *bars]


def table() -> list[Row]:
    """Measure all rows."""
    known = hearing(held_out.TRAIN_VOICES)
    unseen = hearing(held_out.UNSEEN_VOICES)
    known_default = hearing(held_out.TRAIN_VOICES, heard_by_whisper)
    unseen_default = hearing(held_out.UNSEEN_VOICES, heard_by_whisper)
    accent = hearing(held_out.UNSEEN_ACCENT)
    half, strict, each = sight(held_out.SCENES).average_precision()
    ungated, *_ = sight(held_out.SCENES, gate=False).average_precision()
    by_torch = sight(held_out.SCENES, gate=False, model=f"{_OBJECTS}.pt")
    reference, *_ = by_torch.average_precision()
    return [
        Row("word error rate, training voices", known.word_error_rate, 0.05),
        Row("word error rate, unseen voices", unseen.word_error_rate, 0.12),
        Row("  the same by whisper.transcribe() alone", known_default.word_error_rate),
        Row("  and for unseen voices", unseen_default.word_error_rate),
        Row("word error rate, an unseen accent", accent.word_error_rate),
        Row("word starts, median error (s)", known.start_error(0.5), 0.15),
        Row("word starts, 95% below (s)", known.start_error(0.95)),
        Row("mAP50 of boxes", half, 0.90, more_is_better=True),
        Row("  lost by the gate", ungated - half, 0.01),
        Row("  lost against Ultralytics", reference - ungated, 0.01),
        Row("mAP50-95 of boxes", strict),
        *(Row(f"  AP50, {shape}", value) for shape, value in each.items()),
    ]


def show(rows: list[Row]) -> None:
    """Print the table."""
    print(f"{'':44}{'measured':>9}{'bar':>9}")
    for row in rows:
        sign = ">=" if row.more_is_better else "<="
        bar = "" if row.bar is None else f"{sign} {row.bar:.2f}"
        verdict = {None: "", True: "pass", False: "FAIL"}[row.passed]
        print(f"{row.name:44}{row.value:9.3f}{bar:>9}  {verdict}".rstrip())


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--speech-minutes", type=float, default=0.0, help="also compare a real Whisper's words"
    )
    arguments = parser.parse_args()
    loading.use_model_host(bootstrap.settings())
    rows = table()
    if arguments.speech_minutes:
        rows += speech(arguments.speech_minutes)
    if arguments.json:
        # JSON has no infinity: a value without data is null.
        listed = [dataclasses.asdict(row) | {"passed": row.passed} for row in rows]
        for row in listed:
            row["value"] = row["value"] if math.isfinite(row["value"]) else None
        print(json.dumps(listed, indent=1))
    else:
        show(rows)
    return int(any(row.passed is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
