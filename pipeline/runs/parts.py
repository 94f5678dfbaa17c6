"""The parts of a spread run, as later ranges and the merge read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.run_files import RunFiles, part_name
from pipeline.core.ranges import Artifact, Part, Range
from pipeline.core.records import PublishedArtifact
from pipeline.core.stage import Report
from pipeline.runs.plan_file import PartFile, PlanFile

_INTERIM = "interim"  # the role of files that the manifest does not list


@dataclass(frozen=True)
class StoredPart:
    """A part whose files are in S3 (``pipeline.core.ranges.Made``).

    Attributes:
        range: that made it.
        stored: its description.
        files: the files of the run.
        folder: directory of local copies.
    """

    range: Range
    stored: PartFile
    files: RunFiles
    folder: Path

    @property
    def part(self) -> Part:
        """Return the part."""
        return self.stored.part

    def file(self, name: str) -> Path:
        """Return a local copy of a file of the run, downloaded when first asked for."""
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.files.fetch(name, path)
        return path


def read(files: RunFiles, plan: PlanFile, tags: Sequence[str], folder: Path) -> list[StoredPart]:
    """Return the parts with these tags, in their order.

    Args:
        files: the files of the run.
        plan: of the run.
        tags: of the parts.
        folder: directory for local copies of their files.
    """
    found = map(PartFile.model_validate_json, files.read_all(map(part_name, tags)))
    return [StoredPart(plan.range(one.range), one, files, folder) for one in found]


def publish(
    artifacts: Artifacts,
    files: RunFiles,
    work: Path,
    made: Sequence[Artifact],
    report: Report,
) -> list[PublishedArtifact]:
    """Upload the files that a stage wrote, then join those that consist of pieces.

    Args:
        artifacts: the buckets.
        files: the files of the run.
        work: the directory that the names of files are relative to.
        made: the artifacts.
        report: takes the progress.
    """
    written = [one for one in made if not one.pieces]
    published = artifacts.upload(files.prefix, work, written, report)
    return published + [files.join(one) for one in made if one.pieces]


def interim(name: str) -> Artifact:
    """Return an interim file as an artifact to publish; it is deleted when the run has ended."""
    return Artifact(name=name, media_type="application/octet-stream", role=_INTERIM)


def kept(published: Sequence[PublishedArtifact]) -> list[PublishedArtifact]:
    """Return the files of the result, without interim ones."""
    return [one for one in published if one.role != _INTERIM]
