"""Scores by established libraries: word errors by jiwer, boxes by the COCO evaluation."""

import contextlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import jiwer
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from samples.speech import Word

Edges = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Found:
    """A detected or a true object; a true one has confidence 1."""

    label: str
    edges: Edges
    confidence: float = 1.0


@dataclass(slots=True)
class Hearing:
    """Counts of word errors, and the start errors of the right words."""

    errors: int = 0
    spoken: int = 0
    late: list[float] = field(default_factory=list)  # s, absolute

    def add(self, said: Sequence[Word], heard: Sequence[Word]) -> None:
        """Score a video: the spoken words against the recognised ones."""
        said, heard = plain(said), plain(heard)
        result = jiwer.process_words(
            " ".join(word.text for word in said), " ".join(word.text for word in heard)
        )
        self.errors += result.substitutions + result.deletions + result.insertions
        self.spoken += len(said)
        for chunk in result.alignments[0]:
            if chunk.type == "equal":
                pairs = zip(
                    said[chunk.ref_start_idx : chunk.ref_end_idx],
                    heard[chunk.hyp_start_idx : chunk.hyp_end_idx],
                    strict=True,
                )
                self.late += [abs(one.start - other.start) for one, other in pairs]

    @property
    def word_error_rate(self) -> float:
        """Return the errors per spoken word."""
        return self.errors / max(1, self.spoken)

    def start_error(self, quantile: float) -> float:
        """Return a quantile (0 to 1) of the start errors, in seconds."""
        return float(np.quantile(self.late, quantile)) if self.late else float("inf")


def plain(words: Iterable[Word]) -> list[Word]:
    """Return words in lower case, without punctuation; omit empty ones."""
    bare = ((re.sub(r"[^a-z0-9']", "", word.text.lower()), word) for word in words)
    return [Word(text, word.start, word.end) for text, word in bare if text]


@dataclass(slots=True)
class Sight:
    """Scored frames and their mean average precision."""

    labels: Sequence[str]
    _truth: list[dict[str, object]] = field(default_factory=list)
    _guesses: list[dict[str, object]] = field(default_factory=list)
    _frames: int = 0

    def add(self, there: Iterable[Found], seen: Iterable[Found]) -> None:
        """Score a frame: the true objects against the detected ones."""
        self._frames += 1
        for found in there:
            area = found.edges[2] * found.edges[3]
            row = {"id": len(self._truth) + 1, "iscrowd": 0, "area": area}
            self._truth.append(row | self._row(found))
        for found in seen:
            self._guesses.append(self._row(found) | {"score": found.confidence})

    def _row(self, found: Found) -> dict[str, object]:
        left, top, right, bottom = found.edges
        return {
            "image_id": self._frames,
            "category_id": self.labels.index(found.label) + 1,
            "bbox": [left, top, right - left, bottom - top],
        }

    def average_precision(self) -> tuple[float, float, dict[str, float]]:
        """Return mAP50, mAP50-95, and the average precision at 50% overlap of each label."""
        if not self._guesses:
            return 0.0, 0.0, dict.fromkeys(self.labels, 0.0)
        truth = COCO()
        truth.dataset = {
            "images": [{"id": number} for number in range(1, self._frames + 1)],
            "annotations": self._truth,
            "categories": [{"id": i, "name": name} for i, name in enumerate(self.labels, 1)],
        }
        with contextlib.redirect_stdout(io.StringIO()):  # it prints tables
            truth.createIndex()
            evaluation = COCOeval(truth, truth.loadRes(self._guesses), "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        # [overlaps, recalls, labels, areas, most boxes]; -1 where a label never occurred
        precision = evaluation.eval["precision"][0, :, :, 0, -1]
        each = {
            name: float(precision[:, index].mean())
            for index, name in enumerate(self.labels)
            if precision[:, index].max() >= 0
        }
        return float(evaluation.stats[1]), float(evaluation.stats[0]), each
