"""The manifest of a result beside its files, and the record of it in the catalog."""

from datetime import UTC, datetime
from typing import Any

import pipeline
from pipeline.core.events import Upload
from pipeline.core.media_info import Probe
from pipeline.core.planner import Intent
from pipeline.core.records import Cost, PublishedArtifact, StageResult, StageRun
from pipeline.core.stage import Result
from pipeline.media import ffmpeg

# A role with more files than this (segments) is listed in the manifest only.
_LISTED_PER_ROLE = 16


def prefix(video_id: str, revision: str, stage: str, fingerprint: str, folder: str) -> str:
    """Return the S3 prefix of a result's files.

    Args:
        video_id: the video.
        revision: of the source.
        stage: the stage.
        fingerprint: of the result.
        folder: of the run; no other run writes there.
    """
    return f"artifacts/{video_id}/{revision}/{stage}/{fingerprint}/{folder}/"


def facts(upload: Upload, run: StageRun, intent: Intent, result: Result) -> dict[str, Any]:
    """Return the fields of the manifest beside its files."""
    return {
        "videodrop": pipeline.__version__,
        "video_id": upload.video_id,
        "source": upload.model_dump(mode="json"),
        "revision": upload.revision,
        "event_id": run.event_id,
        "stage": run.stage,
        "stage_version": intent.version,
        "fingerprint": intent.fingerprint,
        "attempt": run.attempt,
        "params": intent.params.model_dump(mode="json"),
        "identity": intent.identity,
        "tools": {"ffmpeg": ffmpeg.version()},
        "created_at": datetime.now(UTC).isoformat(),
        "summary": result.summary,
        "warnings": [notice.model_dump() for notice in result.warnings],
        "labels": result.labels,
    }


def facts_of_copy(upload: Upload, run: StageRun, copied_from: str) -> dict[str, Any]:
    """Return the fields of a copied result's manifest that differ from the original's."""
    return {
        "video_id": upload.video_id,
        "source": upload.model_dump(mode="json"),
        "revision": upload.revision,
        "event_id": run.event_id,
        "attempt": run.attempt,
        "created_at": datetime.now(UTC).isoformat(),
        "copied_from": copied_from,
    }


def record(
    upload: Upload,
    run: StageRun,
    intent: Intent,
    result: Result,
    prefix: str,
    published: list[PublishedArtifact],
    cost: Cost,
    *,
    probe: Probe,
) -> StageResult:
    """Return the record of a result that was published.

    Args:
        upload: the source.
        run: as it was claimed.
        intent: of the run.
        result: the stage's result.
        prefix: of its files.
        published: all its files.
        cost: of the run.
        probe: of the source.
    """
    return StageResult(
        stage=run.stage,
        version=intent.version,
        fingerprint=intent.fingerprint,
        content_id=upload.content_id,
        revision=upload.revision,
        attempt=run.attempt,
        prefix=prefix,
        params=intent.params.model_dump(mode="json"),
        identity=intent.identity,
        artifacts=_listed(published),
        summary=result.summary,
        warnings=result.warnings,
        labels=result.labels,
        probe=probe,
        cost=cost,
        queued_at=run.queued_at,
        started_at=run.started_at or datetime.now(UTC),
        finished_at=datetime.now(UTC),
        event_id=run.event_id,
        given=intent.given,
    )


def _listed(published: list[PublishedArtifact]) -> list[PublishedArtifact]:
    """Return the artifacts that the record lists, without roles of many files (segments)."""
    by_role: dict[str, list[PublishedArtifact]] = {}
    for one in published:
        by_role.setdefault(one.role, []).append(one)
    return [one for role in by_role.values() if len(role) <= _LISTED_PER_ROLE for one in role]
