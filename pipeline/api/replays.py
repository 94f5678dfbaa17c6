"""Routes: replays."""

import asyncio
import re
import time
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from pipeline.api import caching
from pipeline.api.context import Context, Parts
from pipeline.api.problems import described
from pipeline.core import upload_options as options
from pipeline.core.errors import NotFound
from pipeline.replays import views
from pipeline.replays.check import check
from pipeline.replays.records import Desired, Replay
from pipeline.replays.request import MOST_USD, ReplayRequest

router = APIRouter(prefix="/replays", tags=["replays"])

_REPLAY_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_EVERY_S = 0.25
CREATED: dict[str, Any] = {
    "headers": {"Location": {"description": "Its address", "schema": {"type": "string"}}}
}
# The action for each desired state: the last segment of the path.
_VERBS: dict[Desired, str] = {"run": "resume", "pause": "pause", "cancel": "cancel"}


class ReplayPage(BaseModel):
    """Replays, newest first."""

    replays: list[views.ReplayView]
    next_cursor: str | None = Field(
        description="Pass it as `cursor` for the next page; null at end"
    )


class StartQuery(BaseModel):
    """Options of a start."""

    dry_run: bool = Field(default=False, description="The same as `dry_run` in the body")
    wait: float = Field(
        5, ge=0, le=20, description="Seconds to wait at most for the plan to be complete"
    )


class ListQuery(BaseModel):
    """A page of the list of replays."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=100, description="`next_cursor` of a page")


class Resumption(BaseModel):
    """Options of a resumption."""

    model_config = ConfigDict(extra="forbid")

    budget_usd: float | None = Field(
        None, strict=True, ge=0, le=MOST_USD, description="A new budget", examples=[5.0]
    )


def _replay_id(
    replay_id: Annotated[
        str, Path(description="The replay's id", examples=["20260131T120000123-1f2e3d"])
    ],
) -> str:
    if not _REPLAY_ID.fullmatch(replay_id):
        raise _unknown(replay_id)
    return replay_id


ReplayId = Annotated[str, Depends(_replay_id)]


@router.post(
    "",
    status_code=201,
    summary="Reprocess videos, or see what that would do",
    description="Plans first: for each stage the number of videos to compute, to reuse a stored "
    "result for, or that are current already, with an estimate. A dry run then waits until it is "
    "resumed; otherwise the plan is run, unless it costs more than the budget. The response has "
    "the whole plan if it is made within `wait` seconds; while `state` is `planning`, request the "
    "address in `Location` again.",
    responses=described(403, 404, 422, 503) | {201: CREATED},
)
async def start_replay(
    request: Annotated[
        ReplayRequest,
        Body(
            openapi_examples={
                "a setting": {
                    "summary": "All videos with another confidence",
                    "value": {"params": {"detect": {"confidence": 0.4}}, "dry_run": True},
                },
                "a failure": {
                    "summary": "Retry what was lost",
                    "value": {"failure_class": "lost"},
                },
                "a trial": {
                    "summary": "Another model on 50 videos of a month, current results untouched",
                    "value": {
                        "uploaded_after": "2026-01-01T00:00:00Z",
                        "uploaded_before": "2026-02-01T00:00:00Z",
                        "params": {"transcribe": {"model": "turbo"}},
                        "sample": 50,
                        "shadow": True,
                        "budget_usd": 5,
                    },
                },
            }
        ),
    ],
    query: Annotated[StartQuery, Query()],
    parts: Parts,
    response: Response,
) -> views.ReplayView:
    """Check the request, record the replay, and wait for its plan."""
    return await started(request, query, parts, response)


async def started(
    request: ReplayRequest, query: StartQuery, parts: Context, response: Response
) -> views.ReplayView:
    """Start a replay, and return it with its plan if that is made in time.

    Raises:
        InvalidArgument, NotFound: see ``check``; ``unknown_video``.
    """
    if query.dry_run:
        request = request.model_copy(update={"dry_run": True})
    replay = await run_in_threadpool(_start, request, parts)
    end = time.monotonic() + query.wait
    while replay.state == "planning" and time.monotonic() < end:
        await asyncio.sleep(_EVERY_S)
        replay = await run_in_threadpool(_get, replay.replay_id, parts)
    view = _view(replay)
    response.headers["Location"] = view.links["self"]
    response.headers["Cache-Control"] = "no-store"
    return view


@router.get(
    "",
    summary="List replays, newest first",
    response_model=ReplayPage,
    responses=described(422, 503),
)
def list_replays(
    query: Annotated[ListQuery, Query()], parts: Parts, request: Request, response: Response
) -> object:
    """Return one page of replays, or 304 if the client has it already."""
    begin = parts.cursors.unseal(query.cursor)
    wanted = query.limit + 1  # one more tells whether there are more
    found = list(islice(parts.replays.newest(before=begin, at_once=wanted), wanted))
    shown = found[: query.limit]
    page = ReplayPage(
        replays=[_view(replay) for replay in shown],
        next_cursor=parts.cursors.seal(shown[-1].replay_id) if len(found) > len(shown) else None,
    )
    return caching.revalidate(request, response, page) or page


@router.get(
    "/{replay_id}",
    summary="Get one replay in full",
    response_model=views.ReplayView,
    responses=described(404, 422, 503),
)
def get_replay(replay_id: ReplayId, parts: Parts, request: Request, response: Response) -> object:
    """Return the replay's present state, or 304 if the client has it already."""
    found = _view(_get(replay_id, parts))
    return caching.revalidate(request, response, found) or found


@router.post(
    "/{replay_id}/pause",
    status_code=202,
    summary="Pause a replay: request no more runs",
    description="Runs that were requested already still finish.",
    responses=described(403, 404, 409, 422, 503),
)
def pause_replay(replay_id: ReplayId, parts: Parts) -> views.ReplayView:
    """Request a pause of the replay."""
    return _view(parts.replays.ask(replay_id, "pause"))


@router.post(
    "/{replay_id}/resume",
    status_code=202,
    summary="Resume a replay, or run the plan of a dry run",
    description="With a new budget if one is given: a replay paused by its budget needs one.",
    responses=described(403, 404, 409, 422, 503),
)
def resume_replay(
    replay_id: ReplayId, parts: Parts, given: Annotated[Resumption | None, Body()] = None
) -> views.ReplayView:
    """Request that the replay runs."""
    budget_usd = given.budget_usd if given else None
    return _view(parts.replays.ask(replay_id, "run", budget_usd=budget_usd))


@router.post(
    "/{replay_id}/cancel",
    status_code=202,
    summary="Cancel a replay",
    description="Runs that have not started are abandoned; those in progress still finish.",
    responses=described(403, 404, 409, 422, 503),
)
def cancel_replay(replay_id: ReplayId, parts: Parts) -> views.ReplayView:
    """Request that the replay ends."""
    return _view(parts.replays.ask(replay_id, "cancel"))


def _start(request: ReplayRequest, parts: Context) -> Replay:
    for stage, params in request.params.items():
        for field, given in params.items():
            options.refuse_path(f"{stage}.{field}", field, given)
    check(request, parts.settings)
    if request.videos:
        known = {video.video_id for video in parts.catalog.videos(request.videos)}
        if missing := [one for one in request.videos if one not in known]:
            raise NotFound(
                "unknown_video",
                f"There is no video {', '.join(missing[:5])}. GET /videos lists all.",
            )
    return parts.replays.start(request)


def _get(replay_id: str, parts: Context) -> Replay:
    replay = parts.replays.get(replay_id)
    if replay is None:
        raise _unknown(replay_id)
    return replay


def _unknown(replay_id: str) -> NotFound:
    return NotFound("unknown_replay", f"There is no replay {replay_id}. GET /replays lists all.")


def _view(replay: Replay) -> views.ReplayView:
    address = f"/replays/{replay.replay_id}"
    possible = views.POSSIBLE.get(replay.state, [])
    return views.detail(
        replay,
        {"self": address} | {_VERBS[state]: f"{address}/{_VERBS[state]}" for state in possible},
    )
