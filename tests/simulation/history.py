"""One history: who does what, on a clock and an AWS of its own, until nothing is left to do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline import bootstrap
from pipeline.aws.messages import receipt
from pipeline.core.errors import VideodropError
from pipeline.hosts.worker.lane import Lane
from tests.simulation import people, virtual
from tests.simulation.choices import Choices, Weights
from tests.simulation.faults import Calls, Fault
from tests.simulation.installation import LEASE_S, SETS, SLOTS, Installation
from tests.simulation.monitor import Monitor
from tests.simulation.queues import Faults, Queues
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.stages import mood
from tests.simulation.store import Version

_QUIET_S = (40.0, 150.0, 600.0)
_SKEWS_S = (0.0, 0.0, 0.0, 2.0, -2.0, 20.0, -45.0)
_LONGEST_S = 30 * 3600.0
_TIMEOUT_S = 3600.0


class Endless(Exception):
    """A history in which something is left running."""


class History:
    """One history.

    Args:
        installation: the code.
        choices: of the history.
        trace: whether its calls are to be told.
    """

    def __init__(
        self, installation: Installation, choices: Choices, *, trace: bool = False
    ) -> None:
        self.installation = installation
        self.choices = choices
        self.scheduler = virtual.NOW.scheduler = Scheduler()
        virtual.NOW.count = 0
        installation.history = self
        self.plan = Plan(choices)
        self.stages = self.plan.stages
        installation.use(self.stages)
        self.queues = Queues(self.scheduler, choices, self.plan.deliveries)
        self.calls = Calls(self.scheduler, choices, self.plan.calls, self._has_crashed)
        self.calls.trace = [] if trace else None
        self.names = installation.config.names
        self.monitor = Monitor(self)
        self._retries: dict[str, int] = {}
        self._set_up()

    def _set_up(self) -> None:
        one, names = self.installation, self.names
        one.s3.clear()
        one.rows.clear()
        one.bus._count = 0
        one.s3.versioned = {names.uploads_bucket} if self.plan.versioned else set()
        one.rows.watch = self.monitor.changed
        one.rows.lag = self._lag
        one.rows.defer = lambda s, action: self.scheduler.at(self.scheduler.now + s, action)
        one.merges_of(1 if self.plan.merges else 64)
        mood.choose = self._mood
        for function in (*self.stages, "janitor", "events", "replays"):
            dead = names.queue(function, "dlq")
            self.queues.add(dead)
            for lane in ("live", "replay") if function in self.stages else ("live",):
                self.queues.add(names.queue(function, lane), dead)
        self.queues.keeps = lambda name, _: name.endswith(("-janitor", "-events"))

    # -- what the code sees ----------------------------------------------------------------------

    def told(self, what: str, bucket: str, key: str, version: Version) -> None:
        """Route S3's event of a change."""
        if bucket != self.names.uploads_bucket:
            return
        item: dict[str, Any] = {"key": key, "sequencer": version.sequencer}
        if version.version_id != "null":
            item["version-id"] = version.version_id
        detail: dict[str, Any] = {"bucket": {"name": bucket}, "object": item}
        if what == "created":
            item |= {"size": len(version.data or b""), "etag": version.etag}
        else:
            marker = "Delete Marker Created" if self.plan.versioned else "Permanently Deleted"
            detail["deletion-type"] = marker
            item.pop("version-id", None)
        event = {
            "version": "0",
            "id": f"s3-{version.sequencer}-{what}",
            "detail-type": f"Object {what.title()}",
            "source": "aws.s3",
            "time": datetime.fromtimestamp(self.scheduler.now, UTC).isoformat(),
            "detail": detail,
        }
        self.route(event)

    def route(self, event: dict[str, Any]) -> None:
        """Send an event to the queues that its rules name."""
        kind, names = event["detail-type"], self.names
        match kind:
            case "Object Created":
                targets = [names.queue(stage) for stage in self.stages]
                targets += [names.queue("events")] if self.plan.tells else []
            case "Object Deleted":
                targets = [names.queue("janitor")]
            case "Reprocess Requested":
                targets = [names.queue(event["detail"]["stage"], "replay")]
            case "Replay Requested":
                targets = [names.queue("replays")]
            case _:
                targets = [names.queue("events")] if self.plan.tells else []
        body = json.dumps(event)
        for one in targets:
            self.queues.send(one, body)

    def _lag(self) -> float:
        if self.calls.quiet or not self.plan.lags:
            return 0.0
        return 3.0 if self.choices.chance(0.1) else 0.0

    def _mood(self) -> int:
        return 0 if self.calls.quiet else self.choices.draw(self.plan.moods)

    # -- processes -------------------------------------------------------------------------------

    def process(self, name: str, **more: Any) -> Process:
        """Return a new process; its clock may be wrong."""
        skew_s = _SKEWS_S[self.choices.below(len(_SKEWS_S))] if self.plan.skews else 0.0
        settings = self.installation.config
        return Process(name, skew_s=skew_s, **{"settings": settings, **more})

    def start(self, name: str) -> None:
        """Start a process that handles messages."""
        handler, config = self.installation.start_process(name)
        function = name.split("-", maxsplit=1)[0]
        lanes: tuple[Any, ...] = ("live", "replay") if function in self.stages else ("live",)
        queues = [self.names.queue(function, lane) for lane in lanes]
        process = self.process(name, settings=config)
        self.scheduler.start(process, lambda: self._serve(process, handler, queues))

    def _serve(
        self, process: Process, handler: Callable[[Any, Any], Any], queues: list[str]
    ) -> None:
        sqs = self.installation.sqs
        lanes = {one: Lane(sqs, one, visibility_s=LEASE_S, wait_s=20) for one in queues}
        while True:
            lane = lanes[self.queues.wait(queues)]
            try:
                record = lane.receive()
                if record is None:
                    continue
                process.in_hand = lane, record
                answer = handler({"Records": [record]}, self)
                if not answer["batchItemFailures"]:
                    lane.delete(record)
            except people.AWS_ERRORS:
                self.scheduler.sleep(1)
            process.in_hand = None

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that an invocation has, as the context of a handler does."""
        return int(_TIMEOUT_S * 1000)

    def _has_crashed(self, process: Process) -> None:
        """Start the process again; the worker that has started it may have survived."""
        name = process.name
        if name not in self.installation.handlers:
            return
        wait_s = (0.5, 3.0, 70.0)[self.choices.below(3)]
        self.scheduler.at(self.scheduler.now + wait_s, lambda: self.start(name))
        if process.in_hand and name[-1].isdigit() and self.choices.chance(0.5):
            lane, record = process.in_hand
            host = self.process("host", settings=process.settings)
            kind = ("crashed", "stopped", "timeout")[self.choices.below(3)]
            self.scheduler.start(host, lambda: self._abandon(host, lane, record, kind))

    def _abandon(self, host: Process, lane: Lane, record: Any, kind: Any) -> None:
        """Record the death of a child, as the worker does."""
        runner = bootstrap.runner(host.settings.stage, host.settings)
        try:
            over = runner.abandon(record["body"], kind, "It died.", receipt(record))
            if kind == "stopped":
                lane.give_back(record)
            elif over:
                lane.delete(record)
        except (VideodropError, *people.AWS_ERRORS):
            return

    # -- the course ------------------------------------------------------------------------------

    def run(self) -> None:
        """Run it to its end, and check it.

        Raises:
            Violation: something that must hold does not.
        """
        for stage in self.stages:
            for slot in range(SLOTS if self.plan.workers > 1 else 1):
                self.start(f"{stage}-{slot}")
        for name in ("janitor", "events", "replays"):
            self.start(name)
        people.start(self)
        begin = self.scheduler.now
        self._watch(begin + self.plan.quiet_s)
        self._quieten()
        self._watch(begin + _LONGEST_S)
        if any(
            name.endswith("-dlq") and self.queues.messages(name) for name in self.queues.names()
        ):
            people.redrive(self)
            self._watch(begin + 2 * _LONGEST_S)
        self.monitor.check_end()
        self.scheduler.end()

    def _watch(self, until: float) -> None:
        """Run until a moment, or until nothing is left; the janitor comes when anything is due."""
        scheduler, every_s = self.scheduler, self.plan.janitor_s
        looked = -1
        while True:
            step = min(until, scheduler.now + every_s)
            left = scheduler.run(step)
            if scheduler.now >= until and left:
                if self.calls.quiet:
                    raise Endless("it does not come to an end")
                return
            state = self._dead_letters()
            due = self._next_due()
            if not left:
                if due is None and state == looked:
                    if self.calls.quiet:
                        return
                    scheduler.now = until
                    return
                scheduler.now = min(until, max(scheduler.now + every_s, due or 0.0))
                if scheduler.now >= until:
                    if self.calls.quiet:
                        raise Endless("something is due for ever")
                    return
            if (due is not None and due <= scheduler.now) or state != looked:
                looked = state
                self._tick()

    def _tick(self) -> None:
        module, _ = self.installation.handlers["janitor"]
        process = self.process("janitor-tick")

        def tidy() -> None:
            try:
                module.handler({}, self)
            except (VideodropError, *people.AWS_ERRORS):
                return

        self.scheduler.start(process, tidy)

    def _next_due(self) -> float | None:
        """Return when the janitor will find a lease that has expired."""
        indexed = self.installation.rows.indexed["leases"]
        firsts = [
            float(places[0][0]) + (0 if shard == "deleted" else LEASE_S)
            for shard, places in indexed.items()
            if places
        ]
        return min(firsts, default=None)

    def _dead_letters(self) -> int:
        return sum(len(self.queues.messages(self.names.queue(one, "dlq"))) for one in self.stages)

    def _quieten(self) -> None:
        """End all faults: what was acknowledged by now has to come to its end."""
        self.calls.quiet = True
        self.queues.faults = None


class Plan:
    """The plan of one history: which faults it has, and how many.

    Args:
        choices: of the history.
    """

    def __init__(self, choices: Choices) -> None:
        self.stages = SETS[choices.below(len(SETS))]
        self.actions = choices.below(4)
        self.tells = choices.chance(0.5)
        self.workers = 1 + choices.below(SLOTS)
        self.versioned = not choices.chance(0.3)
        self.quiet_s = _QUIET_S[choices.below(len(_QUIET_S))]
        self.janitor_s = (60.0, 200.0)[choices.below(2)]
        self.merges = choices.chance(0.15)
        self.lags = choices.chance(0.3)
        self.skews = choices.chance(0.3)
        share = (0.0, 0.003, 0.01, 0.04)[choices.below(4)]
        weights = [0.0] * len(Fault)
        weights[Fault.SOON], weights[Fault.LATE] = (0.3, 0.05) if choices.chance(0.8) else (0.0, 0)
        weights[Fault.VERY_LATE] = 0.003
        for fault in Fault:
            if fault > Fault.VERY_LATE and choices.chance(0.5):
                weights[fault] = share
        weights[Fault.NONE] = 1.0 - sum(weights)
        self.calls = Weights(weights)
        wrong = (0.0, 0.02, 0.1)[choices.below(3)]
        lost = wrong if choices.chance(0.3) else 0.0
        self.faulty = wrong > 0
        self.deliveries = Faults(
            Weights([1.0, wrong, wrong, wrong, wrong / 2, wrong, lost / 2]),
            Weights([1.0, wrong * 2, wrong]),
            wrong / 2,
        )
        self.moods = Weights(
            [1.0, *((0.1, 0.05, 0.1, 0.03, 0.03) if choices.chance(0.5) else (0.0,) * 5)]
        )
