"""An installation in one process: the project's code, whose AWS is that of the current history.

It is made once, because imports and settings take longer than a history.
"""

import gc
import importlib.util
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline import bootstrap
from pipeline.aws import clients, messages
from pipeline.aws.catalog import removal, runs, search_merge
from pipeline.core.events import video_id
from pipeline.core.location import Location, size_of
from pipeline.core.media_info import Probe
from pipeline.core.settings import Settings
from pipeline.costs.run_price import Prices
from pipeline.replays.driver import Driver
from pipeline.replays.settlement import Settlement
from pipeline.runs import execute, meter, room
from tests.simulation import virtual
from tests.simulation.queues import FakeEvents, FakeSqs
from tests.simulation.store import FakeS3
from tests.simulation.table import FakeTable, Rows

STAGES = ("solo", "film")
SETS: tuple[tuple[str, ...], ...] = (("solo",), ("film",), STAGES)
"""The stages that a history may have."""
KEYS = ("videos/a.mp4", "videos/b.mp4")
"""The keys of uploads."""
SLOTS = 2
"""Workers of a stage."""
LEASE_S = 30
_LOOK_S = 6.0
_HANDLERS = Path(__file__).parents[2] / "handlers"


class Installation:
    """The project's code on a fake AWS.

    Attributes:
        history: the one that runs now.
        config: the settings.
        handlers: the handler modules by process.
    """

    def __init__(self) -> None:
        self.history: Any = None
        scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108
        self._folder = tempfile.TemporaryDirectory(prefix="videodrop-simulation-", dir=scratch)
        self._configs = {
            (stages, stage): self._config(stages, stage)
            for stages in SETS
            for stage in (None, *stages)
        }
        self.config = self._configs[SETS[0], None]
        indexes = {
            name: (one.hash_key, one.range_key)
            for name, one in self.config.topology.table.indexes.items()
        }
        self.rows = Rows(indexes)
        clock = virtual.monotonic
        self.table = FakeTable(self.rows, self._call, page=40)
        self.s3 = FakeS3(self._call, clock, lambda *told: self.history.told(*told))  # noqa: PLW0108 - of the history that runs
        self.sqs = FakeSqs(lambda: self.history.queues, self._call)
        self.bus = FakeEvents(lambda event: self.history.route(event), self._call, clock)  # noqa: PLW0108 - as above
        self._replace_clients()
        self.handlers = {name: self._handler(*where) for name, where in _processes().items()}
        virtual.install()
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)

    def _config(self, stages: tuple[str, ...], stage: str | None) -> Settings:
        return Settings(
            name="sim",
            VIDEODROP_TOPOLOGY=Path(__file__).parent / "topology.json",
            stages=stages,
            stage=stage,
            lease_s=LEASE_S,
            redelivery_s=LEASE_S,
            scratch=Path(self._folder.name),
            fetch=False,
        )

    def use(self, stages: tuple[str, ...]) -> None:
        """Have these stages alone."""
        self.config = self._configs[stages, None]

    def close(self) -> None:
        """Remove the scratch directory."""
        self._folder.cleanup()

    def _call(self, *given: Any, **more: Any) -> Any:
        return self.history.calls.call(*given, **more)

    def _settings(self) -> Settings:
        thread = virtual.NOW.scheduler.current
        return thread.process.settings if thread else self.config

    def _replace_clients(self) -> None:
        known = {"s3": self.s3, "sqs": self.sqs, "events": self.bus}
        clients.client = known.__getitem__
        clients.table = lambda _: self.table
        messages.queue_url = lambda name: name
        sys.modules["pipeline.aws.queues"].queue_url = lambda name: name
        execute.probe = _probe
        meter._cpu_seconds = virtual.read_cpu_seconds
        room._check = lambda *_: None
        bootstrap.settings = self._settings
        prices = Prices.read(self.config.prices_path)
        Prices.read = classmethod(lambda *_: prices)
        # The other shards of the index of leases are empty.
        ids = [video_id("sim-uploads", key) for key in KEYS]
        removal._LOOKS = 5  # the last is later than any pause here
        virtual.clock_of(runs.overdue, shards=tuple(sorted({one[0] for one in ids})))
        # Its looks at runs take most of the time otherwise.
        virtual.clock_of(Driver.__init__, sleep=lambda s: virtual.sleep(max(s, _LOOK_S)))
        virtual.clock_of(Settlement.__init__, clock=virtual.wall)

    def _handler(self, file: str, stage: str | None) -> tuple[ModuleType, str | None]:
        """Load a handler as a process of its own does."""
        config = self._configs[SETS[-1], stage]
        bootstrap.settings = lambda: config
        name = f"handlers.{file}_{stage}_{len(sys.modules)}"
        spec = importlib.util.spec_from_file_location(name, _HANDLERS / f"{file}.py")
        if spec is None or spec.loader is None:
            raise AssertionError(file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        bootstrap.settings = self._settings
        return module, stage

    def start_process(self, name: str) -> tuple[Callable[[Any, Any], Any], Settings]:
        """Return the handler of a process that has just started, and its settings."""
        module, stage = self.handlers[name]
        for one in ("_runner", "_janitor", "_consumer"):
            if found := getattr(module, one, None):
                found.cache_clear()
        return module.handler, self._configs[tuple(self.config.topology.stages), stage]

    def merges_of(self, fewest: int) -> None:
        """Set the number of videos that are worth a block of the search index."""
        virtual.clock_of(search_merge.Merge.__init__, fewest=fewest)


def _processes() -> dict[str, tuple[str, str | None]]:
    """Return the file and the stage of each process by its name."""
    workers = {f"{stage}-{slot}": ("stage", stage) for stage in STAGES for slot in range(SLOTS)}
    others = {name: (name, None) for name in ("janitor", "events", "replays")}
    return {**workers, **others}


def _probe(path: Location, _limits: Any) -> Probe:
    return Probe(container="mov", duration_s=2, size_bytes=size_of(path))
