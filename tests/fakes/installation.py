"""An installation in memory with fakes of AWS and stages; tests drive its replays step by step."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.events import Reprocess, Upload, parse, replay_requested
from pipeline.core.location import Location, size_of
from pipeline.core.media_info import Probe
from pipeline.core.records import Cost, Estimate, StageRun, Video
from pipeline.core.settings import Settings
from pipeline.core.stage import Report, Result, Source
from pipeline.core.upload_options import PREFIX
from pipeline.replays.driver import Driver, Pace
from pipeline.replays.examiner import Examiner
from pipeline.replays.lanes import Lanes
from pipeline.replays.records import OVER, Replay
from pipeline.replays.request import ReplayRequest
from pipeline.replays.settlement import Settlement
from pipeline.replays.store import Replays
from pipeline.runs.delivery import Delivery, Outcome, Retry
from pipeline.runs.janitor import Janitor
from pipeline.runs.runner import Runner
from tests.fakes import aws_events, toystage
from tests.fakes.memory import Faults, Killed, MemoryBus, MemoryS3, MemoryTable

STAGES = ("toy", "twin")
WHEN = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass
class ToyStage:
    """A stage whose every part a test can replace; it records its runs."""

    VERSION: str = "1"
    Params: type = toystage.Params
    run_: Callable[..., Result] = toystage.run
    identity_: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def run(self, source: Source, params: Any, work: Path, report: Report) -> Result:
        self.seen.append((source.name, params.text))
        return self.run_(source, params, work, report)

    def identity(self, _params: Any) -> dict[str, str]:
        return self.identity_

    def warm_up(self, params: Any) -> None: ...

    def applies(self, _probe: Probe) -> bool:
        return True


class _Prices:
    title = "test prices"


class OneDollar:
    """Prices that estimate each run at one dollar, and charge ``real`` for each ended run."""

    prices = _Prices()

    def __init__(self, real: float = 1.0) -> None:
        self.real = real

    def estimate(self, *_: Any) -> tuple[Estimate, bool]:
        return Estimate(seconds=2, gpu_seconds=1, bytes_out=10, usd=1), True

    def price(self, _stage: str, _cost: Cost) -> Estimate:
        return Estimate(seconds=3, usd=self.real)


@dataclass
class House:
    """An installation with access to all its parts."""

    config: Settings
    modules: dict[str, ToyStage] = field(
        default_factory=lambda: {stage: ToyStage() for stage in STAGES}
    )
    estimator: OneDollar = field(default_factory=OneDollar)
    now: float = 0.0
    uploaded: int = 0

    def __post_init__(self) -> None:
        topology = self.config.topology
        self.faults = Faults()
        self.table = MemoryTable(topology, self.faults)
        self.s3 = MemoryS3(self.faults)
        self.bus = MemoryBus(self.config.names, topology, self.faults)
        self.catalog = Catalog(self.table, topology.stages)
        self.artifacts = Artifacts(self.s3, self.config.names.artifacts_bucket, presign_s=60)
        self.replays = Replays(
            self.table,
            self.bus,
            bus=self.config.names.bus,
            spec=topology.replays,
            most_usd=self.config.max_replay_usd,
        )

    @property
    def toy(self) -> ToyStage:
        return self.modules["toy"]

    @property
    def twin(self) -> ToyStage:
        return self.modules["twin"]

    # -- videos ----------------------------------------------------------------------------------

    def upload(
        self,
        name: str,
        *,
        body: bytes | None = None,
        when: datetime = WHEN,
        options: dict[str, str] | None = None,
    ) -> str:
        """Put an object; return AWS's event of it."""
        metadata = {PREFIX + name: value for name, value in (options or {}).items()}
        body = name.encode() if body is None else body
        key = f"videos/{name}"
        bucket = self.config.names.uploads_bucket
        put = self.s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
        self.uploaded += 1
        return aws_events.created(
            key,
            bucket=bucket,
            sequencer=f"{self.uploaded:018X}",
            etag=put["ETag"].strip('"'),
            size=len(body),
            event_id=f"upload-{self.uploaded}",
            time=when.isoformat().replace("+00:00", "Z"),
        )

    def process(self, name: str, *, stages: tuple[str, ...] = STAGES, **upload: Any) -> str:
        """Upload a video and run stages on it; return its id."""
        body = self.upload(name, **upload)
        for stage in stages:
            self.run(stage, body)
        return event_of(body).video_id

    def library(self, count: int) -> list[str]:
        """Process `count` videos; return their ids."""
        return [self.process(f"{number:03}.mp4") for number in range(count)]

    def delete(self, name: str) -> None:
        """Delete a video, and send the event to the janitor."""
        bucket, key = self.config.names.uploads_bucket, f"videos/{name}"
        del self.s3.objects[bucket, key]
        self.uploaded += 1
        self.janitor().handle(
            aws_events.deleted(key, bucket=bucket, sequencer=f"{self.uploaded:018X}")
        )

    def video(self, video_id: str) -> Video:
        video = self.catalog.video(video_id)
        assert video is not None
        return video

    def state(self, video_id: str, stage: str = "toy") -> StageRun:
        return self.video(video_id).stages[stage]

    def successes(self, stage: str = "toy") -> list[str]:
        """Return the videos whose result became current, once per time."""
        return [
            pk
            for pk, sk, fields in self.table.updates
            if sk == f"stage#{stage}" and fields.get("state") == "succeeded"
        ]

    def text(self, video_id: str, stage: str = "toy") -> str | None:
        """Return the text of a stage's current result."""
        result = self.state(video_id, stage).current_result
        return result and self.artifacts.read(result.prefix + "toy.txt").decode()

    # -- workers ---------------------------------------------------------------------------------

    def run(self, stage: str, body: str, *, receives: int = 1) -> Outcome:
        runner = Runner(
            stage,
            self.modules[stage],
            catalog=self.catalog,
            artifacts=self.artifacts,
            settings=self.config,
            cancelled=self.replays.cancelled,
        )
        return runner.handle(body, Delivery(60, receives=receives))

    def lane(self, stage: str) -> list[str]:
        """Return the messages that wait for a worker of this stage."""
        return self.bus.queues[self.config.names.queue(stage, "replay")]

    def work(self, most: int = 1000) -> list[Outcome]:
        """Handle the messages of the replay lanes as workers."""
        outcomes = []
        self.faults.who = "worker"
        for stage in STAGES:
            lane = self.lane(stage)
            while lane and len(outcomes) < most:
                body = lane.pop(0)
                try:
                    outcomes.append(self.run(stage, body))
                except Retry:
                    lane.append(body)
                except Killed:
                    lane.append(body)  # it is redelivered
                    raise
        self.faults.who = None
        return outcomes

    def requests(self) -> list[Reprocess]:
        """Return the messages of the replay lanes."""
        found = [parse(body) for stage in STAGES for body in self.lane(stage)]
        assert all(isinstance(event, Reprocess) for event in found)
        return found

    def janitor(self) -> Janitor:
        return Janitor(self.catalog, self.replays.wake_overdue, list, grace_s=0)

    # -- the driver ------------------------------------------------------------------------------

    def driver(
        self,
        *,
        window: int = 200,
        turn_s: float = 0.0,
        lease_s: float = 60.0,
        patience_s: float = 60,
    ) -> Driver:
        lanes = Lanes(self.bus, self.bus, self.config)
        estimator: Any = self.estimator
        settlement = Settlement(
            self.catalog,
            self.artifacts,
            lanes,
            estimator,
            patience_s=patience_s,
            clock=lambda: datetime.now(UTC).timestamp() + self.now,
        )
        modules: Any = self.modules
        return Driver(
            self.replays,
            Examiner(self.catalog, self.artifacts, modules, self.config),
            estimator,
            lanes,
            settlement,
            pace=Pace(lease_s=lease_s, turn_s=turn_s, window=window),
            sleep=lambda _: None,
        )

    @property
    def wakes(self) -> list[str]:
        """Return the messages that wait for a driver."""
        return self.bus.queues[self.config.names.queue("replays")]

    def drive(self, turns: int = 1, **pace: Any) -> int:
        """Handle that many messages as the driver; return their number."""
        for turn in range(turns):
            if not self.wakes:
                return turn
            driver, wake_up = self.driver(**pace), replay_requested(self.wakes.pop(0))
            self.faults.who = "driver"
            driver.drive(wake_up, seconds=60)
            self.faults.who = None
        return turns

    def start(self, **request: Any) -> Replay:
        return self.replays.start(ReplayRequest(**request))

    def get(self, replay: Replay) -> Replay:
        return Replay.model_validate(self.table.items["#replays", replay.replay_id])

    def finish(self, replay: Replay, *, rounds: int = 60, **pace: Any) -> Replay:
        """Alternate driver and workers until the replay is over or idle."""
        for _ in range(rounds):
            if not self.drive(1, **pace) or self.get(replay).state in OVER:
                return self.get(replay)
            self.work()
        raise AssertionError(self.get(replay))

    def replay(self, **request: Any) -> Replay:
        return self.finish(self.start(**request))

    def lose_seat(self, replay: Replay) -> None:
        """Let the driver's lease expire, and run the janitor."""
        item = self.table.items["#replays", replay.replay_id]
        item["driver_until"] = 0
        if "lease_until" in item:
            item["lease_until"] = "0000000001.000"

    def free_lease(self, video_id: str, stage: str, kind: str = "stage") -> None:
        """Let a worker's lease expire."""
        self.table.items[video_id, f"{kind}#{stage}"]["lease_until"] = "0000000001.000"


def event_of(body: str) -> Upload:
    event = parse(body)
    assert isinstance(event, Upload)
    return event


def probe_anything(path: Location, _limits: Any) -> Probe:
    return Probe(container="mov", duration_s=1, size_bytes=size_of(path))


def fail(error: Exception) -> Callable[..., Result]:
    def run(*_: Any) -> Result:
        raise error

    return run


def detail(body: str) -> dict[str, Any]:
    return dict(json.loads(body)["detail"])
