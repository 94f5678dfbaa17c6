"""The end of a requested run, as a replay's settlement sees it."""

from datetime import UTC, datetime
from unittest.mock import Mock

import pytest

from pipeline.core.records import StageRun
from pipeline.replays.records import Open
from pipeline.replays.settlement import _ending

ASKED = 1_795_999_333.968_085


@pytest.mark.parametrize(("ended", "how"), [(ASKED, "lost"), (ASKED - 0.002, None)])
def test_a_run_that_is_lost_within_the_millisecond_of_its_request_has_ended(ended, how):
    finished = datetime.fromtimestamp(int(ended * 1000) / 1000, UTC)  # as the catalog has it
    run = StageRun(
        stage="toy", state="failed", revision="1", sequencer="1", attempt=1, finished_at=finished
    )
    one = Open(
        video_id="1",
        stage="toy",
        revision="1",
        fingerprint="1",
        verdict="run",
        asked_at=ASKED,
        usd=1,
    )
    assert _ending(Mock(replay_id="1"), one, run, "1") == how
