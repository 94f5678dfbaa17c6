"""The start of hosts while messages wait for them."""

import pytest

from pipeline.aws.catalog import Catalog
from pipeline.core.errors import DependencyFailed
from pipeline.core.pool import Pool
from pipeline.runs.host_pool import HostPool
from pipeline.runs.janitor import Janitor
from tests.fakes.memory import Faults, MemoryTable
from tests.fakes.priced import TOPOLOGY

POOL = Pool(queue="q", definition="d", stages=("transcribe", "detect"), max_hosts=4)
NOW = 7200.0 + 1000


class Jobs:
    """The hosts, without any that have ended; ``failing`` rejects new ones."""

    def __init__(self) -> None:
        self.hosts: list[float | None] = []
        self.failed: list[float] = []
        self.looks = 0
        self.failing = False

    def started(self) -> list[float | None]:
        self.looks += 1
        return list(self.hosts)

    def failures(self, since: float) -> int:
        return sum(at >= since for at in self.failed)

    def submit(self) -> None:
        if self.failing:
            raise ConnectionError
        self.hosts.append(None)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def wake(
    jobs: Jobs,
    messages: dict[tuple[str, str], int],
    *,
    pool: Pool = POOL,
    paused: set[tuple[str, str]] = frozenset(),  # type: ignore[assignment]
) -> int:
    """Look at queues with these messages, and start hosts."""
    waiting = HostPool(
        pool, jobs, lambda *queue: messages.get(queue, 0), lambda: paused, clock=lambda: NOW
    )
    return waiting.wake()


def test_one_host_serves_the_messages_of_all_stages(jobs):
    assert wake(jobs, {("transcribe", "live"): 1, ("detect", "live"): 1}) == 1


def test_a_look_at_empty_queues_asks_nothing_of_batch(jobs):
    assert wake(jobs, {("transcode", "live"): 5}) == 0
    assert jobs.looks == 0


def test_the_next_looks_start_no_other_host_for_the_same_messages(jobs):
    found = [wake(jobs, {("detect", "live"): 3}) for _ in range(3)]
    assert found == [1, 0, 0]


def test_a_job_that_could_not_be_submitted_is_submitted_at_the_next_look(jobs):
    jobs.failing = True
    with pytest.raises(ConnectionError):
        wake(jobs, {("detect", "live"): 1})
    jobs.failing = False
    assert wake(jobs, {("detect", "live"): 1}) == 1


def test_no_host_starts_for_a_paused_queue(jobs):
    messages = {("detect", "live"): 1, ("detect", "replay"): 30}
    assert wake(jobs, messages, paused={("detect", "replay"), ("thumbnail", "live")}) == 1


def test_few_replays_are_gathered_until_a_host_works_anyway(jobs):
    pool = POOL.model_copy(update={"gather_s": {"replay": 3600}})
    replays = {("detect", "replay"): 5}
    assert wake(jobs, replays, pool=pool) == 0
    assert wake(jobs, {**replays, ("detect", "live"): 1}, pool=pool) == 1
    jobs.hosts = [NOW - 3600]  # all hosts there work for long
    assert wake(jobs, replays, pool=pool) == 1


def test_hosts_that_fail_again_and_again_are_not_started_for_ever(jobs):
    jobs.failed = [NOW - 4000, NOW - 600, NOW - 60]
    assert wake(jobs, {("detect", "live"): 1}) == 1
    jobs.hosts, jobs.failed = [], [*jobs.failed, NOW - 1]
    with pytest.raises(DependencyFailed, match="1 messages wait") as failed:
        wake(jobs, {("detect", "live"): 1})
    assert failed.value.code == "hosts_failed"
    assert jobs.hosts == []


def test_the_janitor_starts_hosts_and_wakes_replays_even_if_batch_is_away():
    done = []

    def away() -> None:
        done.append("hosts")
        raise ConnectionError

    def wake_replays() -> None:
        done.append("replays")

    catalog = Catalog(MemoryTable(TOPOLOGY, Faults()), TOPOLOGY.stages)
    with pytest.raises(ConnectionError):
        Janitor(catalog, wake_replays, list, grace_s=0, wake_hosts=away).tidy()
    assert done == ["hosts", "replays"]
