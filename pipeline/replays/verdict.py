"""The verdict on one stage of one video, with its reason, as a build system decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import FailureClass, VideodropError
from pipeline.core.planner import Intent, Planner
from pipeline.core.records import StageResult, StageRun, Video
from pipeline.replays.records import Verdict
from pipeline.replays.request import ReplayRequest
from pipeline.replays.selection import selects

# The same input fails the same way: only a request that selects the failure retries it.
_HOPELESS: frozenset[FailureClass] = frozenset({"bad_input", "limit"})
# Codes of files that are no media: no parameter changes that.
_NO_MEDIA = frozenset(
    {
        *("duration_mismatch", "elementary_stream", "empty_file", "no_packets", "no_streams"),
        *("not_media", "truncated", "unreadable"),
    }
)
_SHOWN = 40  # characters of a value


@dataclass(frozen=True)
class Judged:
    """A verdict on a stage of a video.

    Attributes:
        because: why it would run, or why it cannot be planned.
        intent: of the run, if there would be one.
    """

    video: Video
    stage: str
    verdict: Verdict
    because: str | None = None
    intent: Intent | None = None


def judge(
    request: ReplayRequest, video: Video, stage: str, planner: Planner, metadata: Mapping[str, str]
) -> Judged:
    """Judge a stage of a selected video.

    Stored results are not looked up here: a verdict ``run`` may still become ``reuse``.

    Args:
        request: the replay's request.
        video: its present state.
        stage: one of its stages.
        planner: of the stage.
        metadata: of the upload.
    """
    run = video.stages[stage]
    if not selects(request, run):
        return Judged(video, stage, "not_selected")
    if request.shadow and run.current_result is None:
        return Judged(video, stage, "not_selected")
    kept = {} if request.reset else run.given
    try:
        extra = {**kept, **request.params.get(stage, {})}
        intent = planner.intend(video.upload, metadata, extra)
    except VideodropError as error:
        return Judged(video, stage, "blocked", error.message)
    if not intent.wanted:
        return Judged(video, stage, "left_out")
    if not request.shadow and run.state in {"pending", "running"}:
        return Judged(video, stage, "in_progress")
    current = run.current_result
    is_current = current is not None and current.fingerprint == intent.fingerprint
    if is_current and (request.shadow or run.state == "succeeded"):
        return Judged(video, stage, "current")
    if _is_hopeless(request, run, intent):
        return Judged(video, stage, "hopeless", _failure(run))
    return Judged(video, stage, "run", _why(run, intent), intent)


def _is_hopeless(request: ReplayRequest, run: StageRun, intent: Intent) -> bool:
    asked_for = (
        request.failed
        or request.failure_class is not None
        or request.status in {"failed", "partial"}
    )
    return (
        not asked_for
        and run.state == "failed"
        and run.error is not None
        and run.error.failure_class in _HOPELESS
        and (run.tried == intent.fingerprint or run.error.code in _NO_MEDIA)
    )


def _why(run: StageRun, intent: Intent) -> str:
    if run.current_result is None or run.state == "failed":
        return _failure(run) if run.state == "failed" else "never ran"
    return ", ".join(_differences(run.current_result, intent)) or "the source is another one"


def _failure(run: StageRun) -> str:
    return f"failed: {run.error.failure_class}/{run.error.code}" if run.error else "failed"


def _differences(result: StageResult, intent: Intent) -> list[str]:
    """Describe what changed since ``result`` was made."""
    was = {"code": result.version, **result.identity, **result.params}
    now = {"code": intent.version, **intent.identity, **intent.params.model_dump(mode="json")}
    return [
        f"{name}: {_shown(was.get(name))} → {_shown(now.get(name))}"
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    ]


def _shown(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
