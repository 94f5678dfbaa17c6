"""The difference between two results of a stage."""

from collections.abc import Callable, Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, computed_field

from pipeline.core.records import PublishedArtifact, StageResult
from pipeline.core.stage import Notice
from pipeline.results.comparison import labels, renditions, words
from pipeline.results.comparison.labels import LabelsDiff
from pipeline.results.comparison.renditions import RenditionsDiff
from pipeline.results.comparison.words import TranscriptDiff
from pipeline.stages.transcribe.transcript import Transcript

_TRANSCRIPT = "transcript_json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Change(_Frozen):
    """A value before and after; null where there is none."""

    before: JsonValue
    after: JsonValue


class ArtifactChange(_Frozen):
    """A file added, removed or changed; sizes in bytes, null where there is no file."""

    name: str
    role: str
    before: int | None
    after: int | None


class Amount(_Frozen):
    """An amount before and after."""

    before: float = 0.0
    after: float = 0.0

    @computed_field(description="After by before; null where before is 0")  # type: ignore[prop-decorator] # mypy does not support computed fields
    @property
    def ratio(self) -> float | None:
        """Divide after by before; None where before is 0."""
        return round(self.after / self.before, 4) if self.before else None

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            before=round(self.before + other.before, 3), after=round(self.after + other.after, 3)
        )


class VersionDiff(_Frozen):
    """The difference between two results, ``before`` and ``after``."""

    stage: str
    before: str = Field(description="Fingerprint")
    after: str = Field(description="Fingerprint")
    params: dict[str, Change] = Field(description="Parameters that differ")
    models: dict[str, Change] = Field(description="Models and engines that differ")
    code_version: Change | None = Field(description="Version of the stage's code, if it differs")
    warnings_gained: list[Notice]
    warnings_lost: list[Notice]
    artifacts: list[ArtifactChange] = Field(description="Files added, removed or changed")
    seconds: Amount = Field(description="Wall clock of the runs")
    cpu_seconds: Amount
    gpu_seconds: Amount
    bytes: Amount = Field(description="Total size of the files")
    transcript: TranscriptDiff | None = Field(description="If both have one")
    labels: LabelsDiff | None = Field(description="If one of them has any")
    renditions: RenditionsDiff | None = Field(description="If one of them has any")


def compare(before: StageResult, after: StageResult, read: Callable[[str], bytes]) -> VersionDiff:
    """Compare two results of one stage.

    Args:
        before: the reference.
        after: the result to compare with it.
        read: returns the bytes of an artifact by its key: ``Artifacts.read``.
    """
    return VersionDiff(
        stage=after.stage,
        before=before.fingerprint,
        after=after.fingerprint,
        params=_changed(before.params, after.params),
        models=_changed(before.identity, after.identity),
        code_version=None
        if before.version == after.version
        else Change(before=before.version, after=after.version),
        warnings_gained=_missing(after.warnings, before.warnings),
        warnings_lost=_missing(before.warnings, after.warnings),
        artifacts=_artifacts(before, after),
        seconds=Amount(before=before.cost.seconds, after=after.cost.seconds),
        cpu_seconds=Amount(before=before.cost.cpu_seconds, after=after.cost.cpu_seconds),
        gpu_seconds=Amount(before=before.cost.gpu_seconds, after=after.cost.gpu_seconds),
        bytes=Amount(before=before.cost.bytes_out, after=after.cost.bytes_out),
        transcript=_transcript(before, after, read),
        labels=labels.compare(before, after),
        renditions=renditions.compare(before, after),
    )


def _changed(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> dict[str, Change]:
    return {
        name: Change(before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def _missing(notices: Iterable[Notice], among: Iterable[Notice]) -> list[Notice]:
    """Return notices whose code is not among the others: numbers in their text may differ."""
    known = {notice.code for notice in among}
    return [notice for notice in notices if notice.code not in known]


def _artifacts(before: StageResult, after: StageResult) -> list[ArtifactChange]:
    old, new = ({one.name: one for one in result.artifacts} for result in (before, after))
    return [
        ArtifactChange(
            name=name,
            role=(new.get(name) or old[name]).role,
            before=old[name].bytes if name in old else None,
            after=new[name].bytes if name in new else None,
        )
        for name in sorted(old.keys() | new.keys())
        if _content(old.get(name)) != _content(new.get(name))
    ]


def _content(artifact: PublishedArtifact | None) -> str | None:
    return artifact.sha256 if artifact else None


def _transcript(
    before: StageResult, after: StageResult, read: Callable[[str], bytes]
) -> TranscriptDiff | None:
    said, heard = (_read_transcript(result, read) for result in (before, after))
    return words.compare(said, heard) if said and heard else None


def _read_transcript(result: StageResult, read: Callable[[str], bytes]) -> Transcript | None:
    for artifact in result.artifacts:
        if artifact.role == _TRANSCRIPT:
            try:
                return Transcript.model_validate_json(read(result.prefix + artifact.name))
            except ValidationError:
                return None  # of a stage with another format
    return None
