"""The end of a requested run, as a replay's settlement sees it."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest

from pipeline.core.events import replay_event_id
from pipeline.core.records import StageRun
from pipeline.replays.records import Open
from pipeline.replays.settlement import PATIENCE_S, Settlement, _ending
from tests.fakes import timing

ASKED = 1_795_999_333.968_085
REPLAY = Mock(replay_id="1")
ONE = Open(
    video_id="1",
    stage="toy",
    revision="1",
    fingerprint="1",
    verdict="run",
    asked_at=ASKED,
    usd=1,
)


def run(**fields: Any) -> StageRun:
    ended = {"stage": "toy", "state": "failed", "revision": "1", "sequencer": "1", "attempt": 1}
    return StageRun.model_validate(ended | fields)


@pytest.mark.parametrize(("ended", "how"), [(ASKED, "lost"), (ASKED - 0.002, None)])
def test_a_run_that_is_lost_within_the_millisecond_of_its_request_has_ended(ended, how):
    finished = datetime.fromtimestamp(int(ended * 1000) / 1000, UTC)  # as the catalog has it
    assert _ending(REPLAY, ONE, run(finished_at=finished), "1") == how


def test_a_run_of_another_event_that_fails_meanwhile_leaves_the_request_open():
    finished = datetime.fromtimestamp(ASKED + 1, UTC)
    assert _ending(REPLAY, ONE, run(finished_at=finished, event_id="another"), "1") is None


@pytest.mark.parametrize(
    ("copied_from", "how"), [(None, "succeeded"), ("artifacts/2/1/toy/1/1/", "reused")]
)
def test_a_result_that_was_copied_is_reused(copied_from: str | None, how: str):
    made = {"stage": "toy", "prefix": "artifacts/1/1/toy/1/1/", "copied_from": copied_from}
    result = timing.result(1, 1).model_copy(update=made)
    ended = run(
        state="succeeded",
        result=result.model_dump(),
        result_revision="1",
        event_id=replay_event_id("1"),
    )
    assert _ending(REPLAY, ONE, ended, "1") == how


@pytest.mark.parametrize(
    ("asked_at", "fields", "missing"),
    [
        (ASKED, {}, True),
        (0.0, {}, False),  # it is still to be requested
        (ASKED + PATIENCE_S, {}, False),
        (ASKED, {"state": "running", "lease_until": ASKED + PATIENCE_S + 9}, False),
        (ASKED, {"state": "running", "lease_until": ASKED}, True),  # its worker has died
    ],
)
def test_a_request_without_news_is_missed_unless_a_worker_has_it(
    asked_at: float,
    fields: dict[str, Any],
    missing: bool,  # noqa: FBT001 - parametrized
):
    settlement = Settlement(Mock(), Mock(), Mock(), Mock(), clock=lambda: ASKED + PATIENCE_S + 1)
    one = ONE.model_copy(update={"asked_at": asked_at})
    found = run(state="pending") if not fields else run(**fields)
    assert settlement._is_missing(one, found) is missing
