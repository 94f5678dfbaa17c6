"""Retention of results, and the removal of all others with their files.

Of each stage the current result is kept, a number of others, and everything young. Of the others,
those that a rollback would return to come first, then the latest. Leftovers are attempts without a
result: taken over, or never finished. They are kept while young. Of a deleted video only the record
of its deletion is kept.

A result's row is removed first. If it became current in the meantime, the row is restored. A later
promotion does not find the row, and the result is computed again (see ``versions``). The files are
removed last: after an interruption nothing refers to them, and a later run removes them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from pipeline.aws.artifact_inventory import Attempt, Attempts
from pipeline.aws.catalog import Catalog
from pipeline.core.records import StageResult, StageRun, Video


@dataclass(frozen=True)
class Policy:
    """A retention policy.

    Attributes:
        keep: results to keep of each stage beside the current one.
        before: everything written at this time or later is kept.
    """

    keep: int
    before: datetime


class Pruned(BaseModel):
    """A count of what was removed of one stage, or would be.

    Attributes:
        results: complete results.
        leftovers: attempts without a result.
    """

    results: int = 0
    leftovers: int = 0
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class _Removal:
    """An attempt to be removed, and the result that it belongs to."""

    attempt: Attempt
    result: StageResult | None


@dataclass(frozen=True)
class _State:
    """The state of a video's stage.

    Attributes:
        run: the run that is shown.
        shadow: the run that is only compared.
        deleted: True if the video is deleted, so that its results are not needed.
    """

    run: StageRun | None
    shadow: StageRun | None
    deleted: bool

    @property
    def busy(self) -> bool:
        """Return True if a worker may be writing files, or reusing a stored result."""
        return any(run and run.state == "running" for run in (self.run, self.shadow))

    @property
    def history(self) -> list[str]:
        """Return the fingerprints that a rollback returns to, the latest last."""
        return self.run.history if self.run else []

    def needs(self, removal: _Removal) -> bool:
        """Return True if the attempt belongs to a current result."""
        if self.deleted:
            return False
        current = [run.result for run in (self.run, self.shadow) if run and run.result]
        if removal.attempt.prefix in {one.prefix for one in current}:
            return True
        fingerprints = {one.fingerprint for one in current}
        return removal.result is not None and removal.result.fingerprint in fingerprints


class Retention:
    """Removal of results that a policy does not keep.

    Args:
        catalog: records of videos, runs and results.
        attempts: their files.
    """

    def __init__(self, catalog: Catalog, attempts: Attempts) -> None:
        self._catalog = catalog
        self._attempts = attempts

    def prune(
        self,
        policy: Policy,
        *,
        dry_run: bool = False,
        report: Callable[[int], None] = lambda _: None,
    ) -> dict[str, Pruned]:
        """Remove what the policy does not keep.

        Args:
            policy: the results to keep.
            dry_run: count only.
            report: called with the number of videos examined so far.

        Returns:
            Counts of what was removed, or would be, by stage.
        """
        removed: dict[str, Pruned] = {}
        # Videos are found by their files: the catalog's index has no deleted videos.
        for looked_at, video_id in enumerate(self._attempts.video_ids(), 1):
            for removal in self._removals(video_id, policy):
                if dry_run or self._remove(video_id, removal):
                    _add(removed.setdefault(removal.attempt.stage, Pruned()), removal)
            report(looked_at)
        return removed

    def _removals(self, video_id: str, policy: Policy) -> Iterator[_Removal]:
        """Yield what the policy does not keep of one video.

        Files are listed before runs are read, and runs before results. So each attempt listed is
        that of a run, that of a result, or a leftover.
        """
        attempts = self._attempts.of(video_id)
        if all(attempt.written_at >= policy.before for attempt in attempts):
            return
        video = self._catalog.video(video_id)
        if video is None:
            return  # not in this catalog
        deleted = _is_gone(video, policy)
        stages = sorted({attempt.stage for attempt in attempts})
        states = {stage: self._state(video_id, stage, deleted=deleted) for stage in stages}
        results = self._catalog.results.all(video_id)
        for stage, state in states.items():
            if not state.busy:
                ours = [one for one in results if one.stage == stage]
                files = [attempt for attempt in attempts if attempt.stage == stage]
                yield from _not_kept(state, ours, files, policy)

    def _state(self, video_id: str, stage: str, *, deleted: bool) -> _State:
        run = self._catalog.runs.get(video_id, stage)
        return _State(run, self._catalog.shadows.get(video_id, stage), deleted)

    def _remove(self, video_id: str, removal: _Removal) -> bool:
        """Remove an attempt; return False if it became needed in the meantime."""
        if removal.result and not self._catalog.results.forget(video_id, removal.result):
            return False
        video = self._catalog.video(video_id)
        deleted = video is not None and video.deleted_at is not None
        if deleted:
            self._catalog.unindex(video_id)
        state = self._state(video_id, removal.attempt.stage, deleted=deleted)
        if state.busy or state.needs(removal):
            key = video_id, removal.attempt.stage, removal.attempt.fingerprint
            if removal.result and not self._catalog.results.stored([key]):
                self._catalog.results.put(video_id, removal.result)
            return False
        self._attempts.remove(removal.attempt)
        return True


def _is_gone(video: Video, policy: Policy) -> bool:
    return video.deleted_at is not None and video.deleted_at < policy.before


def _not_kept(
    state: _State, results: list[StageResult], attempts: list[Attempt], policy: Policy
) -> Iterator[_Removal]:
    """Yield what the policy does not keep of one stage."""
    by_prefix = {one.prefix: one for one in results}
    found = [_Removal(attempt, by_prefix.get(attempt.prefix)) for attempt in attempts]
    free = [one for one in found if not state.needs(one)]
    # Results to roll back to first, the latest of them last in history; then the latest results.
    others = sorted(
        (one.result for one in free if one.result),
        key=lambda result: (_rank(result, state.history), result.finished_at),
        reverse=True,
    )
    kept = {one.prefix for one in others[: 0 if state.deleted else policy.keep]}
    for one in free:
        age = one.result.finished_at if one.result else one.attempt.written_at
        if one.attempt.prefix not in kept and age < policy.before:
            yield one


def _rank(result: StageResult, history: list[str]) -> int:
    # A result that was current more than once is in the history more than once.
    return max((n for n, one in enumerate(history) if one == result.fingerprint), default=-1)


def _add(pruned: Pruned, removal: _Removal) -> None:
    if removal.result:
        pruned.results += 1
    else:
        pruned.leftovers += 1
    pruned.files += len(removal.attempt.keys)
    pruned.bytes += removal.attempt.bytes
