"""A sum of many differences: the effect of a new model or setting on a whole library."""

from pydantic import BaseModel, ConfigDict, computed_field

from pipeline.results.comparison.diff import Amount, VersionDiff

_NAMED = 50  # labels, so that the total stays small for models with many labels


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class LabelTotal(_Frozen):
    """Numbers of videos in which a label was gained, and in which it was lost."""

    gained: int = 0
    lost: int = 0


class StageTotal(_Frozen):
    """A sum over all pairs of results of one stage."""

    results: int = 0
    seconds: Amount = Amount()
    bytes: Amount = Amount()


class Comparison(_Frozen):
    """The sum of many differences; its size does not grow with their number.

    Attributes:
        stages: by stage, the number of pairs compared, and sums of their time and size.
        words: in all transcripts that served as reference.
        edits: substitutions, insertions and deletions in all transcripts compared with them.
        labels: by label, for the first 50 labels gained or lost; the totals count all.
        warnings_gained: warnings of a kind that the result before did not have.
    """

    stages: dict[str, StageTotal] = {}
    words: int = 0
    edits: int = 0
    labels_gained: int = 0
    labels_lost: int = 0
    labels: dict[str, LabelTotal] = {}
    renditions_added: int = 0
    renditions_removed: int = 0
    warnings_gained: int = 0
    warnings_lost: int = 0

    @computed_field  # type: ignore[prop-decorator] # mypy does not support computed fields
    @property
    def results(self) -> int:
        """Count the pairs compared, of all stages."""
        return sum(stage.results for stage in self.stages.values())

    @computed_field  # type: ignore[prop-decorator] # mypy does not support computed fields
    @property
    def wer(self) -> float | None:
        """Return the word error rate over all, weighted by length; None without words."""
        return round(self.edits / self.words, 6) if self.words else None

    def add(self, diff: VersionDiff) -> "Comparison":
        """Return the sum with one more difference."""
        said, seen, rungs = diff.transcript, diff.labels, diff.renditions
        known = self.stages.get(diff.stage, StageTotal())
        stage = StageTotal(
            results=known.results + 1,
            seconds=known.seconds + diff.seconds,
            bytes=known.bytes + diff.bytes,
        )
        edits = said.substitutions + said.insertions + said.deletions if said else 0
        return Comparison(
            stages=self.stages | {diff.stage: stage},
            words=self.words + (said.words if said else 0),
            edits=self.edits + edits,
            labels_gained=self.labels_gained + (len(seen.gained) if seen else 0),
            labels_lost=self.labels_lost + (len(seen.lost) if seen else 0),
            labels=self._labels_with(diff),
            renditions_added=self.renditions_added + (len(rungs.added) if rungs else 0),
            renditions_removed=self.renditions_removed + (len(rungs.removed) if rungs else 0),
            warnings_gained=self.warnings_gained + len(diff.warnings_gained),
            warnings_lost=self.warnings_lost + len(diff.warnings_lost),
        )

    def sentences(self) -> list[str]:
        """Describe the sum for people, one fact each; zero counts are left out."""
        said = [f"{self.results:,} {'result' if self.results == 1 else 'results'} compared"]
        if self.wer is not None:
            said.append(f"WER against current {self.wer * 100:.1f} %")
        elif self.edits:
            said.append(f"{self.edits:,} words heard where there were none")
        for what, gained, lost in (
            ("labels", self.labels_gained, self.labels_lost),
            ("renditions", self.renditions_added, self.renditions_removed),
            ("warnings", self.warnings_gained, self.warnings_lost),
        ):
            if gained or lost:
                said.append(f"{gained:,} {what} gained, {lost:,} lost")
        for name, stage in self.stages.items():
            times = [
                f"{_factor(amount.ratio)} {what}"
                for what, amount in (("time", stage.seconds), ("bytes", stage.bytes))
                if amount.ratio is not None
            ]
            if times:
                said.append(f"{name}: {', '.join(times)}")
        return said

    def _labels_with(self, diff: VersionDiff) -> dict[str, LabelTotal]:
        if diff.labels is None:
            return self.labels
        labels = dict(self.labels)
        for name, names in (("gained", diff.labels.gained), ("lost", diff.labels.lost)):
            for label in names:
                if label in labels or len(labels) < _NAMED:
                    known = labels.get(label, LabelTotal())
                    more = {name: getattr(known, name) + 1}
                    labels[label] = known.model_copy(update=more)
        return labels


def _factor(ratio: float) -> str:
    digits = 1 if ratio >= 1 else 2
    return f"{ratio:,.{digits}f}\N{MULTIPLICATION SIGN}"
