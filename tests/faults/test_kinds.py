"""Faults of real processes, disks, clocks and connections: each job ends as it should, once.

``make test`` runs the quick kinds, ``make faults`` all.
"""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.settings import Settings
from tests.conftest import forget_process_state, topology_with
from tests.faults import faults
from tests.faults.conftest import SEEN
from tests.faults.kinds import KINDS, Kind
from tests.faults.stack import STAGE, Stack, until

ALL = os.environ.get("FAULTS") == "all"
CHOSEN = [kind for kind in KINDS if kind.quick or ALL]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("faults")
    topology = topology_with({STAGE: "tests.faults.stage"}, folder / "topology.json", only=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("VIDEODROP_NAME", "faults")
        patch.setenv("VIDEODROP_TOPOLOGY", str(topology))
        patch.setenv("VIDEODROP_HOME", str(folder / "home"))
        patch.setenv("VIDEODROP_LEASE_S", str(faults.LEASE_S))
        forget_process_state()
        stack = Stack(folder, Settings(), port)
        stack.start_worker()
        yield stack
        stack.close()
    forget_process_state()


@pytest.mark.usefixtures("untraced_children")
@pytest.mark.parametrize("kind", CHOSEN, ids=lambda kind: kind.name)
def test_a_job_ends_as_it_should(stack: Stack, kind: Kind, request: pytest.FixtureRequest) -> None:
    if kind.fault == "fill" and os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    began = time.monotonic()
    video = faults.cause(kind)(stack, kind)
    seen = _seen(stack, video)
    request.config.stash[SEEN].append((kind, seen, time.monotonic() - began))
    assert kind.holds(seen), (seen, kind.expected, stack.run(video), _log(stack.folder))


def _seen(stack: Stack, video: str) -> str:
    """Return what has become of a job, in a sentence."""
    run = stack.ended(video)
    if run.state != "succeeded":
        assert run.error is not None
        how = "at the first try" if run.attempt == 1 else f"at try {run.attempt}"
        return f"{run.state} as {run.error.failure_class} {how}, {_left(stack)}"
    published = {1: "once", 2: "twice"}
    left = _left(stack)
    times = len(stack.manifests(video))
    events = len(stack.announced(video))
    return (
        f"succeeded, published {published.get(times, times)}, "
        f"announced {published.get(events, events)}, {left}"
    )


def _left(stack: Stack) -> str:
    try:
        until(lambda: not stack.left(), 30)
    except AssertionError:
        return f"left: {stack.left()}"
    return "nothing left"


def _log(folder: Path) -> str:
    return "\n".join((folder / "worker.log").read_text().splitlines()[-40:])
