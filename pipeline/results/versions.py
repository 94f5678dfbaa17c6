"""Versions: earlier results stay, can be compared, made current again, and left again.

Versions of one another are the stored results of a stage for the same content. Which of them is
current is one conditional write; nothing is computed and no file is touched, so a version that is
current again answers byte for byte as it did before.

Whoever prunes old versions removes a result's row first, then looks whether it became current
meanwhile, and removes its files last. Here the row is read again once the version is current: one
of the two always notices the other.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.errors import (
    Conflict,
    Gone,
    InvalidArgument,
    LeaseLost,
    NotFound,
    NothingEarlier,
)
from pipeline.core.records import Cost, StageResult, StageRun, Video
from pipeline.core.stage import Notice
from pipeline.results.comparison import VersionDiff, compare

FEWEST_DIGITS = 6
"""Of a fingerprint, to name a version by how it begins."""


class Version(BaseModel):
    """One stored result."""

    model_config = ConfigDict(frozen=True)

    stage: str
    fingerprint: str
    current: bool
    way_back: bool = Field(description="It was current before: rolling back leads here")
    models: dict[str, str]
    params: dict[str, JsonValue]
    code_version: str = Field(description="Of the stage's code")
    finished_at: datetime
    cost: Cost = Field(description="What the run that made it took")
    bytes: int = Field(description="Of all its files")
    warnings: list[Notice]
    labels: list[str]


class Versions:
    """The versions of videos.

    Args:
        catalog: where results are recorded.
        artifacts: where their files are.
    """

    def __init__(self, catalog: Catalog, artifacts: Artifacts) -> None:
        self._catalog = catalog
        self._artifacts = artifacts

    def of(self, video: Video, stage: str | None = None) -> list[Version]:
        """The versions of a video's present content, by stage, the oldest first.

        Raises:
            InvalidArgument: ``unknown_stage``.
        """
        runs = [_run(video, stage)] if stage else list(video.stages.values())
        stored = self._stored(video, stage)
        return [one for run in runs for one in _versions(run, stored)]

    def promote(self, video_id: str, stage: str, fingerprint: str) -> Version:
        """Make a version the current one.

        Args:
            video_id: whose.
            stage: of which stage.
            fingerprint: of the version, or how it begins, in at least ``FEWEST_DIGITS`` digits.

        Raises:
            NotFound: ``unknown_video``, ``unknown_version``.
            Gone: ``video_deleted``, ``version_gone``.
            InvalidArgument: ``unknown_stage``, ``ambiguous_version``.
            Conflict: ``stage_busy``.
        """
        video = self._video(video_id)
        run = _run(video, stage)
        result = _named(fingerprint, self._stored(video, stage))
        if run.state != "succeeded" or _current(run) != result.fingerprint:
            self._make_current(video, run, result, history=None)
        return _version(result, current=True)

    def rollback(self, video_id: str, stage: str) -> Version:
        """Make the version current that was before; again, the one before that.

        Versions that are no more are passed over.

        Raises:
            NotFound: ``unknown_video``.
            Gone: ``video_deleted``, ``version_gone``.
            InvalidArgument: ``unknown_stage``.
            Conflict: ``stage_busy``.
            NothingEarlier: ``no_earlier_version``.
        """
        video = self._video(video_id)
        run = _run(video, stage)
        stored = {one.fingerprint: one for one in self._stored(video, stage)}
        for fingerprint, history in _ways_back(run):
            result = stored.get(fingerprint)
            if result and self._artifacts.has(result.prefix):
                self._make_current(video, run, result, history=history)
                return _version(result, current=True)
        raise _no_earlier(video, stage)

    def diff(
        self, video: Video, stage: str, *, before: str | None = None, after: str | None = None
    ) -> VersionDiff:
        """What is different from one version to another.

        Args:
            video: whose.
            stage: of which stage.
            before: how the fingerprint of the reference begins; by default that of the current
                version, or, where that is what ``after`` names, of the one that was before it.
            after: of what is held against it; by default the current version.

        Raises:
            NotFound: ``unknown_version``.
            Gone: ``version_gone``.
            InvalidArgument: ``unknown_stage``, ``ambiguous_version``.
            NothingEarlier: ``no_earlier_version``.
        """
        run, stored = _run(video, stage), self._stored(video, stage)
        current = run.current_result
        new = _named(after, stored) if after else current
        if new is None:
            raise NotFound(
                "unknown_version", f"{video.upload.name} has no current result of {stage}."
            )
        if before:
            old = _named(before, stored)
        elif current and current.fingerprint != new.fingerprint:
            old = current
        else:
            old = self._before(video, run, stored)
        for result in (old, new):
            self._require_files(result)
        return compare(old, new, self._artifacts.read)

    # -- looking ---------------------------------------------------------------------------------

    def _video(self, video_id: str) -> Video:
        video = self._catalog.video(video_id)
        if video is None:
            raise NotFound("unknown_video", f"There is no video {video_id}.")
        if video.deleted_at:
            raise Gone("video_deleted", f"{video.upload.name} was deleted.")
        return video

    def _stored(self, video: Video, stage: str | None) -> list[StageResult]:
        """Stored results of the content that the video has now."""
        found = self._catalog.results.all(video.video_id, stage)
        return [one for one in found if one.content_id == video.upload.content_id]

    def _before(self, video: Video, run: StageRun, stored: list[StageResult]) -> StageResult:
        if found := _back(run, stored):
            return found
        raise _no_earlier(video, run.stage)

    def _require_files(self, result: StageResult) -> None:
        if not self._artifacts.has(result.prefix):
            raise _gone(result)

    # -- changing --------------------------------------------------------------------------------

    def _make_current(
        self, video: Video, run: StageRun, result: StageResult, *, history: list[str] | None
    ) -> None:
        self._require_files(result)
        try:
            self._catalog.promote(video.video_id, run, result, history=history)
        except LeaseLost as lost:
            raise _busy(run) from lost
        if self._catalog.results.get(video.video_id, run.stage, result.fingerprint) is None:
            with suppress(LeaseLost):  # whoever took the run makes another result current
                self._catalog.undo_promotion(video.video_id, run)
            raise _gone(result)


def _run(video: Video, stage: str) -> StageRun:
    if stage not in video.stages:
        there_are = ", ".join(video.stages)
        raise InvalidArgument("unknown_stage", f"There is no stage {stage}, but {there_are}.")
    return video.stages[stage]


def _current(run: StageRun) -> str | None:
    return run.current_result.fingerprint if run.current_result else None


def _ways_back(run: StageRun) -> Iterator[tuple[str, list[str]]]:
    """What was current before, the latest first, each with the ways back from there."""
    for index, fingerprint in reversed(list(enumerate(run.history))):
        if fingerprint != _current(run):
            yield fingerprint, run.history[:index]


def _back(run: StageRun, stored: list[StageResult]) -> StageResult | None:
    """The latest that was current before and is still there."""
    known = {one.fingerprint: one for one in stored}
    return next((known[back] for back, _ in _ways_back(run) if back in known), None)


def _versions(run: StageRun, stored: list[StageResult]) -> Iterator[Version]:
    ours = [one for one in stored if one.stage == run.stage]
    back = _back(run, ours)
    for one in ours:
        yield _version(one, current=one.fingerprint == _current(run), way_back=one is back)


def _version(result: StageResult, *, current: bool, way_back: bool = False) -> Version:
    return Version(
        stage=result.stage,
        fingerprint=result.fingerprint,
        current=current,
        way_back=way_back,
        models=result.identity,
        params=result.params,
        code_version=result.version,
        finished_at=result.finished_at,
        cost=result.cost,
        bytes=result.cost.bytes_out,
        warnings=result.warnings,
        labels=result.labels,
    )


def _named(fingerprint: str, stored: list[StageResult]) -> StageResult:
    """The version whose fingerprint begins so."""
    found = [one for one in stored if one.fingerprint.startswith(fingerprint)]
    if not found or len(fingerprint) < FEWEST_DIGITS:
        raise NotFound(
            "unknown_version",
            f"No version of this content has a fingerprint that begins with {fingerprint!r}; at "
            f"least {FEWEST_DIGITS} digits are needed. See the list of versions.",
        )
    if len(found) > 1:
        raise InvalidArgument(
            "ambiguous_version",
            f"{len(found)} versions begin with {fingerprint!r}. Give more of the fingerprint.",
        )
    return found[0]


def _no_earlier(video: Video, stage: str) -> NothingEarlier:
    return NothingEarlier(
        "no_earlier_version",
        f"{video.upload.name} has no result of {stage} that was current before and still exists.",
    )


def _busy(run: StageRun) -> Conflict:
    return Conflict(
        "stage_busy",
        f"{run.stage} is being worked on, or was changed this moment. Try again when it is done.",
    )


def _gone(result: StageResult) -> Gone:
    return Gone(
        "version_gone",
        f"The files of version {result.fingerprint} of {result.stage} are gone: to have it again, "
        "replay the video.",
    )
