"""The start of replays beside the other jobs of a worker."""

import pytest

from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.load import Load


def replay(name, **more):
    return Function(name, "no.handler", 1, 1, lane="replay", **more)


def live(name):
    return Function(name, "no.handler", 1, 1)


def test_no_replay_begins_while_live_jobs_have_half_of_the_cores():
    load = Load(cores=4)
    with load.running(live("transcode")):
        assert not load.holds_back(replay("detect"))
        with load.running(live("transcode")):
            assert load.holds_back(replay("detect"))
        assert not load.holds_back(replay("detect"))


def test_live_work_is_never_held_back():
    load = Load(cores=1)
    with load.running(live("transcode")), load.running(replay("detect")):
        assert not load.holds_back(live("detect"))


def test_a_job_that_fails_is_no_longer_counted():
    load = Load(cores=1)
    with pytest.raises(ValueError, match="no good"), load.running(live("transcode")):
        raise ValueError("no good")
    assert not load.holds_back(replay("detect"))


def test_many_cores_leave_replays_alone_unless_their_stage_shares_a_gpu():
    load = Load(cores=16)
    with load.running(live("detect")):
        assert not load.holds_back(replay("transcode"))
        assert not load.holds_back(replay("transcribe", gpu=True))
        assert load.holds_back(replay("detect", gpu=True))
    assert not load.holds_back(replay("detect", gpu=True))


def test_no_more_replays_run_than_there_are_cores_for():
    load = Load(cores=3)
    with load.running(replay("detect")), load.running(replay("detect")):
        assert not load.holds_back(replay("transcode"))
        with load.running(replay("transcode")):
            assert load.holds_back(replay("transcribe"))
        with load.running(live("transcode")):
            assert load.holds_back(replay("transcribe"))
    assert not load.holds_back(replay("transcribe"))
