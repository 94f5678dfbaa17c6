"""An installation in memory that does one long video in ranges; tests kill, copy and reorder it."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.events import parse
from pipeline.core.range_request import RangeRequest
from pipeline.core.ranges import Part
from pipeline.core.records import StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import Result
from pipeline.runs.delivery import Delivery, Outcome, Retry
from pipeline.runs.janitor import Janitor
from pipeline.runs.runner import Runner
from tests.fakes import aws_events, rangestage
from tests.fakes.memory import Faults, Killed, MemoryS3, MemoryTable

STAGE = "toy"


@dataclass
class Message:
    """A message in the queue."""

    body: str
    receives: int = 0

    @property
    def range(self) -> str | None:
        event = parse(self.body)
        return event.range if isinstance(event, RangeRequest) else None


@dataclass
class MemoryQueue:
    """A queue in a list (``pipeline.aws.queues.Queue``)."""

    faults: Faults
    name: str = "toy"
    messages: list[Message] = field(default_factory=list)
    groups: Counter[str] = field(default_factory=Counter)

    def send(self, bodies: Iterable[str], *, group: str, delay_s: int = 0) -> None:  # noqa: ARG002
        for body in bodies:
            self.faults.call(lambda body=body: self.messages.append(Message(body)))
            self.groups[group] += 1

    def is_empty(self) -> bool:
        return not self.messages


@dataclass
class RangeStage:
    """The stage, which notes what it does; a test can act in between."""

    VERSION: str = rangestage.VERSION
    Params: type = rangestage.Params
    during: Callable[[str], None] = lambda _: None
    done: Counter[str] = field(default_factory=Counter)
    run = staticmethod(rangestage.run)
    plan = staticmethod(rangestage.plan)
    identity = staticmethod(rangestage.identity)
    applies = staticmethod(rangestage.applies)
    warm_up = staticmethod(rangestage.warm_up)

    def run_range(self, *given: Any) -> Part:
        self.done[given[3].name] += 1
        self.during(given[3].name)
        return rangestage.run_range(*given)

    def merge(self, *given: Any) -> Result:
        self.done["merge"] += 1
        self.during("merge")
        return rangestage.merge(*given)


class Film:
    """The installation.

    Args:
        config: its settings.
        params: the parameters of its stage; the text has a word for each range of a phase.
    """

    def __init__(
        self, config: Settings, params: type[rangestage.Params] = rangestage.Params
    ) -> None:
        self.config = config
        words = params().text
        self.text = f"{words} {words.title()}"
        self.faults = Faults()
        self.table = MemoryTable(config.topology, self.faults)
        self.s3 = MemoryS3(self.faults)
        self.queue = MemoryQueue(self.faults)
        self.catalog = Catalog(self.table, config.topology.stages)
        self.artifacts = Artifacts(self.s3, config.names.artifacts_bucket, presign_s=60)
        self.stage = RangeStage(Params=params)
        self.cancelled: set[str] = set()
        self.uploads = 0
        self.deliveries = 0

    def upload(self, body: bytes = b"a film") -> str:
        """Upload the film, or another under its key; return the event, which waits in the queue."""
        bucket = self.config.names.uploads_bucket
        put = self.s3.put_object(Bucket=bucket, Key="videos/film.mp4", Body=body)
        self.uploads += 1
        event = aws_events.created(
            "videos/film.mp4",
            bucket=bucket,
            sequencer=f"{self.uploads:018X}",
            etag=put["ETag"].strip('"'),
            size=len(body),
            event_id=f"upload-{self.uploads}",
        )
        self.queue.messages.append(Message(event))
        return event

    def remove(self) -> None:
        """Delete the film from its bucket."""
        del self.s3.objects[self.config.names.uploads_bucket, "videos/film.mp4"]

    def runner(self, stage: Any = None) -> Runner:
        return Runner(
            STAGE,
            stage or self.stage,
            catalog=self.catalog,
            artifacts=self.artifacts,
            settings=self.config,
            cancelled=self.cancelled.__contains__,
        )

    def deliver(self, message: Message, *, receipt: str | None = None) -> Outcome | None:
        """Deliver a message to a worker; it stays in the queue unless it is done with.

        Returns:
            the outcome; None if the message is to come again.
        """
        self.deliveries += 1
        message.receives += 1
        delivery = Delivery(
            600,
            receives=1 + message.receives % 2,  # the limit on deliveries is not of interest here
            receipt=receipt or f"delivery-{self.deliveries}",
            queue=self.queue,
        )
        if message in self.queue.messages:
            self.queue.messages.remove(message)
        before, self.faults.who = self.faults.who, "worker"
        try:
            return self.runner().handle(message.body, delivery)
        except Retry:
            self.queue.messages.append(message)
            return None
        except Killed:
            self.queue.messages.append(message)
            raise
        finally:
            self.faults.who = before

    def pass_time(self) -> None:
        """Let all leases expire: those of workers that live as well as of others."""
        for (_, sk), item in self.table.items.items():
            if sk.startswith(("stage#", "shadow#", "range#")) and "lease_until" in item:
                item["lease_until"] = "0000000001.000"

    def work(self, rng: random.Random | None = None, most: int = 500) -> None:
        """Deliver messages until none is left; a killed worker's leases expire."""
        for _ in range(most):
            if not self.queue.messages:
                return
            waiting = self.queue.messages
            message = rng.choice(waiting) if rng else waiting[0]
            try:
                if self.deliver(message) in {None, Outcome.PASSED_ON}:
                    self.pass_time()
            except Killed:
                self.pass_time()
        raise AssertionError(f"{len(self.queue.messages)} messages are left: {self.state()}")

    def until(self, range_: str | None) -> Message:
        """Deliver messages until the next one is that of a range; return it."""
        while self.queue.messages[0].range != range_:
            self.deliver(self.queue.messages[0])
        return self.queue.messages[0]

    def state(self, *, shadow: bool = False) -> StageRun:
        """Return the run."""
        runs = self.catalog.runs_of(shadow=shadow)
        run = runs.get(self.video_id, STAGE)
        assert run is not None
        return run

    @property
    def video_id(self) -> str:
        return next(pk for pk, sk in self.table.items if sk == "video")

    def janitor(self, dead: Iterable[str] = (), *, grace_s: float = 0.0) -> Janitor:
        return Janitor(
            self.catalog,
            lambda: None,
            lambda: [(STAGE, body) for body in dead],
            grace_s=grace_s,
            queue=lambda _: self.queue,
        )

    # -- what is left ----------------------------------------------------------------------------

    def stored(self) -> list[str]:
        """Return the names of all files of results, without their run's prefix."""
        keys = [key for bucket, key in self.s3.objects if key.startswith("artifacts/")]
        return sorted(key.split("/", 6)[6] for key in keys)

    def ranges(self) -> list[str]:
        """Return the keys of the records of ranges."""
        return [sk for _, sk in self.table.items if sk.startswith("range#")]

    def successes(self) -> int:
        """Return how often a result became current."""
        return sum(
            sk == f"stage#{STAGE}" and fields.get("state") == "succeeded"
            for _, sk, fields in self.table.updates
        )

    def finished(self) -> Counter[str]:
        """Return how often each range was recorded as done."""
        return Counter(sk for _, sk, fields in self.table.updates if fields == {"state": "done"})

    def check(self) -> None:
        """Check that there is one result, and nothing beside it."""
        run = self.state()
        assert run.state == "succeeded", run
        assert self.successes() == 1
        assert max(self.finished().values()) == 1
        result = run.current_result
        assert result is not None
        assert self.artifacts.read(result.prefix + "toy.txt").decode() == self.text
        assert self.artifacts.read(result.prefix + "joined.txt").decode() == self.text.replace(
            " ", ""
        )
        keys = {key for _, key in self.s3.objects if key.startswith("artifacts/")}
        assert keys == {result.prefix + name for name in self.listed(result.prefix)}
        assert self.ranges() == []
        assert (run.spread, run.ended, run.lease_until) == (None, frozenset(), None)

    def check_gone(self) -> None:
        """Check that nothing of a run is left in the bucket."""
        assert self.stored() == []
        assert self.ranges() == []

    def listed(self, prefix: str) -> set[str]:
        manifest = json.loads(self.artifacts.read(prefix + "manifest.json"))
        return {"manifest.json", *(one["name"] for one in manifest["files"])}
