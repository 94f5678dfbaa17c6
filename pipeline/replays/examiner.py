"""The examination of videos: a verdict on each of their stages."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.parts import Changed
from pipeline.core.errors import BadInput
from pipeline.core.planner import Planner
from pipeline.core.records import Video
from pipeline.core.settings import Settings
from pipeline.core.stage import StageModule
from pipeline.replays import selection
from pipeline.replays.check import check
from pipeline.replays.request import ReplayRequest
from pipeline.replays.verdict import Judged, judge

_BATCH = 20


class Examiner:
    """The examiner: judges the stages of selected videos, by the settings and models of this host.

    Args:
        catalog: the recorded videos.
        artifacts: gives an upload's options if the catalog does not contain them yet.
        modules: the code of each stage.
        settings: the operator's parameters.
    """

    def __init__(
        self,
        catalog: Catalog,
        artifacts: Artifacts,
        modules: Mapping[str, StageModule],
        settings: Settings,
    ) -> None:
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings
        self._planners = {
            stage: Planner(stage, _Remembering(module), settings)
            for stage, module in modules.items()
        }

    def check(self, request: ReplayRequest) -> None:
        """Check a request once, before its videos are examined.

        Raises:
            InvalidArgument: ``unknown_stage`` or ``bad_option``.
        """
        check(request, self._settings)

    def examine(
        self, request: ReplayRequest, *, after: str | None
    ) -> Iterator[tuple[str, list[Judged] | None]]:
        """Yield places in the order of the walk, with the verdicts of each selected video."""
        walk = selection.walk(self._catalog, request, after=after)
        while batch := list(islice(walk, _BATCH)):
            judged = {
                place: self._judge(request, video) for place, video in batch if video is not None
            }
            reusable = self._reusable(one for found in judged.values() for one in found)
            for place, _ in batch:
                found = judged.get(place)
                yield place, found and [_settled(one, reusable) for one in found]

    def _judge(self, request: ReplayRequest, video: Video) -> list[Judged]:
        try:
            metadata = video.metadata
            if metadata is None:
                metadata = self._artifacts.head(video.upload).metadata
        except BadInput as error:
            return [Judged(video, stage, "blocked", error.message) for stage in video.stages]
        except Changed:
            return [Judged(video, stage, "in_progress") for stage in video.stages]
        return [
            judge(request, video, stage, self._planners[stage], metadata) for stage in video.stages
        ]

    def _reusable(self, judged: Iterable[Judged]) -> set[tuple[str, str, str]]:
        """Return those of which a result is stored, of their own or of the same bytes."""
        contents = {
            (one.video.video_id, one.stage, one.intent.fingerprint): (
                one.video.upload.content_id,
                one.stage,
                one.intent.fingerprint,
            )
            for one in judged
            if one.intent is not None
        }
        own = self._catalog.results.stored(list(contents))
        if not self._settings.share_results:
            return own
        left = {content for key, content in contents.items() if key not in own}
        shared = self._catalog.results.contents.stored(left)
        return own | {key for key, content in contents.items() if content in shared}


def _settled(judged: Judged, reusable: set[tuple[str, str, str]]) -> Judged:
    if judged.intent is None:
        return judged
    key = (judged.video.video_id, judged.stage, judged.intent.fingerprint)
    return replace(judged, verdict="reuse") if key in reusable else judged


class _Remembering:
    """The part of a stage that planning needs, with a cache of its models by parameters.

    A walk may ask a million times, and each look-up reads files.
    """

    def __init__(self, module: StageModule) -> None:
        self.VERSION = module.VERSION
        self.Params = module.Params
        self._identity = module.identity
        self._known: dict[str, dict[str, str]] = {}

    def identity(self, params: Any) -> dict[str, str]:
        """Return the cached identity; see ``StageModule``."""
        key = str(params)
        if key not in self._known:
            self._known[key] = self._identity(params)
        return self._known[key]
