"""Which results are kept, and the removal of all others with their files.

Kept are the current result of each stage, the latest few others, the ways back first, and
everything that is young. What nobody refers to, attempts that were taken over or never finished, is
kept while it is young. Of a video that was deleted nothing is kept but that it was.

A result's row goes first. Whoever made it current before that is noticed, and gets the row back;
whoever comes later does not find it, and computes anew (see ``versions``). The files go
last: should this be cut off, nobody refers to what is left, and a later run removes it.
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
    """What is kept.

    Attributes:
        keep: how many results a stage beside the current one.
        before: everything that is not older than this moment.
    """

    keep: int
    before: datetime


class Pruned(BaseModel):
    """What was removed of one stage, or would be.

    Attributes:
        results: complete results.
        leftovers: attempts that nobody refers to.
    """

    results: int = 0
    leftovers: int = 0
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class _Doomed:
    """An attempt to be removed, and the result it is the files of."""

    attempt: Attempt
    result: StageResult | None


@dataclass(frozen=True)
class _State:
    """What a stage of a video is at.

    Attributes:
        run: what people see.
        shadow: what is only compared.
        deleted: whether the video is, so that nobody needs its results any more.
    """

    run: StageRun | None
    shadow: StageRun | None
    deleted: bool

    @property
    def busy(self) -> bool:
        """Whether somebody may be writing files, or taking up a stored result, this moment."""
        return any(run and run.state == "running" for run in (self.run, self.shadow))

    @property
    def history(self) -> list[str]:
        """The ways back, the latest last."""
        return [] if self.deleted or self.run is None else self.run.history

    def needs(self, doomed: _Doomed) -> bool:
        """Whether it is, or belongs to, a result that is current."""
        if self.deleted:
            return False
        current = [run.result for run in (self.run, self.shadow) if run and run.result]
        if doomed.attempt.prefix in {one.prefix for one in current}:
            return True
        fingerprints = {one.fingerprint for one in current}
        return doomed.result is not None and doomed.result.fingerprint in fingerprints


class Retention:
    """Removes what no policy keeps.

    Args:
        catalog: the records.
        attempts: the files.
    """

    def __init__(self, catalog: Catalog, attempts: Attempts) -> None:
        self._catalog = catalog
        self._attempts = attempts

    def prune(
        self, policy: Policy, *, dry_run: bool = False, tell: Callable[[int], None] = lambda _: None
    ) -> dict[str, Pruned]:
        """Remove what the policy does not keep.

        Args:
            policy: what is kept.
            dry_run: count only.
            tell: hears how many videos were looked at.

        Returns:
            What was removed, or would be, by stage.
        """
        removed: dict[str, Pruned] = {}
        # By their files, not by the catalog's index: deleted videos are in no index.
        for looked_at, video_id in enumerate(self._attempts.video_ids(), 1):
            for doomed in self._doomed(video_id, policy):
                if dry_run or self._remove(video_id, doomed):
                    _add(removed.setdefault(doomed.attempt.stage, Pruned()), doomed)
            tell(looked_at)
        return removed

    def _doomed(self, video_id: str, policy: Policy) -> Iterator[_Doomed]:
        """What the policy does not keep of one video.

        Files are listed before the runs are read, and runs before results: an attempt that is
        among the files so is one that a run is at, or that a result names, or a leftover.
        """
        attempts = self._attempts.of(video_id)
        if all(attempt.written_at >= policy.before for attempt in attempts):
            return
        video = self._catalog.video(video_id)
        if video is None:
            return  # not of this catalog: nothing is known of it
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

    def _remove(self, video_id: str, doomed: _Doomed) -> bool:
        """Remove it, unless it turns out to be needed after all."""
        if doomed.result:
            self._catalog.results.forget(video_id, doomed.result)
        video = self._catalog.video(video_id)
        deleted = video is not None and video.deleted_at is not None
        state = self._state(video_id, doomed.attempt.stage, deleted=deleted)
        if state.busy or state.needs(doomed):
            if doomed.result:
                self._catalog.results.put(video_id, doomed.result)
            return False
        self._attempts.remove(doomed.attempt)
        return True


def _is_gone(video: Video, policy: Policy) -> bool:
    return video.deleted_at is not None and video.deleted_at < policy.before


def _not_kept(
    state: _State, results: list[StageResult], attempts: list[Attempt], policy: Policy
) -> Iterator[_Doomed]:
    """What the policy does not keep of one stage."""
    by_prefix = {one.prefix: one for one in results}
    found = [_Doomed(attempt, by_prefix.get(attempt.prefix)) for attempt in attempts]
    free = [one for one in found if not state.needs(one)]
    # The ways back first, the latest of them last in history; then the latest results.
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
    # Who goes there and back is in the history more than once.
    return max((n for n, one in enumerate(history) if one == result.fingerprint), default=-1)


def _add(pruned: Pruned, doomed: _Doomed) -> None:
    if doomed.result:
        pruned.results += 1
    else:
        pruned.leftovers += 1
    pruned.files += len(doomed.attempt.keys)
    pruned.bytes += doomed.attempt.bytes
