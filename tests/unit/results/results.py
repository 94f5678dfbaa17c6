"""Results to compare."""

from typing import Any

from pipeline.core.records import PublishedArtifact, StageResult
from pipeline.results.comparison import VersionDiff, compare
from pipeline.stages.transcribe.transcript import Transcript
from tests.fakes import query as fakes
from tests.fakes.seed import words


def result(
    files: dict[str, tuple[str, bytes]] | None = None, *, stage: str = "toy", **given: Any
) -> StageResult:
    """Make a result; ``files`` maps a name to its role and content."""
    artifacts = [
        PublishedArtifact(
            name=name,
            role=role,
            media_type="text/plain",
            bytes=len(content),
            sha256=f"sha of {content!r}",
        )
        for name, (role, content) in (files or {}).items()
    ]
    return fakes.result(fakes.upload(), stage, **{"artifacts": artifacts} | given)


def cost(seconds: float, bytes_out: int = 100) -> Any:
    made = fakes.result(fakes.upload(), "toy").cost
    return made.model_copy(update={"seconds": seconds, "bytes_out": bytes_out})


def unread(key: str) -> bytes:
    raise AssertionError(f"{key} was read")


def diff(before: StageResult, after: StageResult) -> VersionDiff:
    """Compare two results without reading files."""
    return compare(before, after, unread)


def transcript(*texts: str, language: str | None = "en") -> Transcript:
    """Make a transcript with a segment of one second for each text."""
    return Transcript.model_validate(words(*texts) | {"language": language})


def seen(**labels: tuple[int, int, list[tuple[float, float]]]) -> dict[str, Any]:
    """Make a summary like that of detect: frames, tracks and intervals of each label."""
    return {
        "labels": {
            label: {
                "frames": frames,
                "tracks": tracks,
                "best_confidence": 0.9,
                "best_time": 0.0,
                "intervals": [list(one) for one in intervals],
            }
            for label, (frames, tracks, intervals) in labels.items()
        }
    }
