"""Run one stage for one event: claim → fetch → probe → run → publish → record.

The only place with leases, retries and reuse of results. Every way out is one of ``Outcome``,
recorded in the catalog, or ``Retry``, which asks the queue to deliver the message again.
"""

import logging
import os
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pipeline
from pipeline.aws import clients as aws
from pipeline.aws.artifacts import Artifacts, Changed, Head
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.runs import Runs
from pipeline.aws.classify import classify
from pipeline.core import events
from pipeline.core.errors import (
    Busy,
    LeaseLost,
    LimitExceeded,
    Lost,
    OutOfMemory,
    Superseded,
    TimedOut,
    VideodropError,
)
from pipeline.core.events import Deletion, Event, Reprocess, Upload
from pipeline.core.planner import Intent, Planner
from pipeline.core.records import TERMINAL, Cost, PublishedArtifact, StageResult, StageRun
from pipeline.core.settings import Settings
from pipeline.core.stage import Report, Result, Source, StageModule
from pipeline.media import ffmpeg
from pipeline.media.probe import probe
from pipeline.runs.admission import Admission, outgrown_by
from pipeline.runs.heartbeat import Lease
from pipeline.runs.workdir import workdir
from pipeline.stages.models import device
from pipeline.telemetry import metrics, names, tracing
from pipeline.telemetry.context import about

log = logging.getLogger(__name__)

# Progress is spent as: fetching 5 %, the stage itself 90 %, publishing 5 %.
_FETCHED, _RUN = 0.05, 0.95
# A role with more files than this (segments) is listed in the manifest only.
_LISTED_PER_ROLE = 16
# What is kept back of the host's deadline, to record a timeout before the host kills us.
_MARGIN_S = 5.0
_FIRST_RETRY_S = 5.0
# An outage of AWS itself is outwaited: with each delivery four times as long, up to SQS's limit on
# how often a message is delivered at all (about half an hour in all).
_OUTAGE_FACTOR, _LONGEST_RETRY_S = 4, 900.0

Killed = Literal["timeout", "out_of_memory", "crashed", "stopped"]


class Outcome(StrEnum):
    """How handling an event ended; in each case the message is done with."""

    SUCCEEDED = "succeeded"
    REUSED = "reused"
    CURRENT = "current"
    SKIPPED = "skipped"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    SENT_ON = "sent_on"
    IGNORED = "ignored"


class Retry(Exception):
    """The message shall be delivered again, ``seconds`` from now."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True)
class Delivery:
    """One delivery of a message.

    Attributes:
        seconds_left: until the host ends this invocation.
        extend: keeps the message invisible for so many seconds more.
        receives: how often the message was delivered, this time included.
        large: it came by a lane for large jobs.
        send_on: sends the message to such a lane; None if the stage has none or it came from there.
        sent_at: Unix time of its arrival in the queue, where that is known.
        receipt: a name that no other delivery has, not even of the same message.
    """

    seconds_left: float
    extend: Callable[[int], None] = lambda _: None
    receives: int = 1
    large: bool = False
    send_on: Callable[[], None] | None = None
    sent_at: float | None = None
    receipt: str | None = None


@dataclass(frozen=True)
class _Plan:
    """What S3 knows of the source, and what to do with it."""

    head: Head
    intent: Intent


@dataclass(frozen=True)
class _Job:
    """One event's run.

    Attributes:
        upload: the source.
        event_id: what asked for the run.
        extra: parameters the event asks for.
        shadow: the result is only to be compared: what people see stays.
        runs: where its state is kept.
        delivery: the message that brought the event.
    """

    upload: Upload
    event_id: str
    extra: Mapping[str, Any]
    shadow: bool
    runs: Runs
    delivery: Delivery


class Runner:
    """Runs one stage.

    Args:
        stage: its name.
        module: its code.
        catalog: where states and results are recorded.
        artifacts: where files come from and go to.
        settings: limits, leases and the operator's own parameters.
        admission: judges what this host can see through, where a message can be sent on.
        cancelled: whether a replay was cancelled, by its id: what it asked for is dropped.
    """

    def __init__(
        self,
        stage: str,
        module: StageModule,
        *,
        catalog: Catalog,
        artifacts: Artifacts,
        settings: Settings,
        admission: Admission,
        cancelled: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._admission = admission
        self._cancelled = cancelled
        self._stage = stage
        self._module = module
        self._catalog = catalog
        self._artifacts = artifacts
        self._settings = settings
        self._planner = Planner(stage, module, settings)

    def warm_up(self) -> None:
        """Load what the stage needs before its first job."""
        with about(stage=self._stage):
            self._module.warm_up(self._planner.params({}))

    def handle(self, body: str, delivery: Delivery) -> Outcome:
        """Handle one event, as it stands in the body of its message.

        Raises:
            Retry: deliver it again later; nothing is lost meanwhile.
            BadInput: ``bad_event``: it is no event of ours and belongs in the dead-letter queue.
        """
        event = events.parse(body)
        with self._about(event), tracing.span(f"run {self._stage}"):
            log.info("%s %s: delivery %d", self._stage, event.video_id, delivery.receives)
            if delivery.receives == 1 and delivery.sent_at is not None:
                metrics.record(names.QUEUE_WAIT, max(0.0, time.time() - delivery.sent_at))
            started = time.monotonic()
            try:
                outcome = self._handle(event, delivery)
            except Retry as retry:
                metrics.record(names.RETRIES)
                tracing.annotate(outcome="retry")
                log.info("%s: again in %.0f s: %s", self._stage, retry.seconds, retry)
                raise
            tracing.annotate(outcome=outcome)
            if outcome is not Outcome.FAILED:  # those are counted with their class
                metrics.record(names.RUNS, outcome=outcome)
            metrics.record(names.RUN_DURATION, time.monotonic() - started, outcome=outcome)
            log.info("%s %s: %s", self._stage, event.video_id, outcome)
            return outcome

    def _handle(self, event: Event, delivery: Delivery) -> Outcome:
        try:
            match event:
                case Upload():
                    patience = self._settings.topology.queues.retention_s
                    self._catalog.record_upload(event, patience_s=patience)
                    job = _Job(event, event.event_id, {}, False, self._catalog.runs, delivery)
                    outcome = self._run(job)
                case Reprocess():
                    outcome = self._reprocess(event, delivery)
                case Deletion():
                    outcome = Outcome.IGNORED
        except Superseded:
            outcome = Outcome.SUPERSEDED
        except Busy as busy:
            raise Retry(self._busy_wait_s(busy, delivery), str(busy)) from busy
        except aws.ERRORS as error:
            wait = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * _OUTAGE_FACTOR**delivery.receives)
            raise Retry(wait, str(aws.as_failure(error))) from error
        return outcome

    def abandon(
        self,
        body: str,
        killed: Killed,
        message: str,
        send_on: Callable[[], None] | None = None,
        receipt: str | None = None,
    ) -> bool:
        """Record that the host had to kill the process which handled ``body``.

        A run that was cut off because its worker stops is given back, and the try not counted.

        Args:
            body: of the message.
            killed: why.
            message: the same in a sentence.
            send_on: see ``Delivery``.
            receipt: of the delivery that the process had. A run that another delivery has claimed
                since is its own, even if both are of one message.

        Returns:
            Whether the run is over, or sent on, so that the message can be deleted.

        Raises:
            BadInput: ``bad_event``.
        """
        event = events.parse(body)
        runs = self._runs(event)
        run = runs.get(event.video_id, self._stage)
        if run is None or run.state != "running":
            return False
        if (run.event_id, run.receipt) != (event.event_id, receipt):
            return False
        error: VideodropError = {
            "timeout": TimedOut("killed_at_deadline", message),
            "out_of_memory": OutOfMemory("killed_at_memory_limit", message),
            "crashed": Lost("crashed", message),
            "stopped": Lost("stopped", message),
        }[killed]
        with self._about(event):
            try:
                if killed == "stopped":
                    self._release(runs, event.video_id, run, error, tries=run.tries - 1)
                    return False
                outcome = self._give_up(runs, event.video_id, run, error, send_on)
            except (Retry, LeaseLost):
                return False
            if outcome is Outcome.SENT_ON:
                metrics.record(names.RUNS, outcome=outcome)
        return outcome in {Outcome.FAILED, Outcome.SENT_ON}

    def _busy_wait_s(self, busy: Busy, delivery: Delivery) -> float:
        """When to look again at a run that another worker holds.

        A worker that died is taken over as soon as its lease ends. One that is still there at the
        second look may need its whole time, and a queue delivers a message only so often before
        it counts as undeliverable: the looks that are left share that time.
        """
        wait = busy.seconds + 1
        if delivery.receives == 1:
            return wait
        looks = max(1, self._settings.topology.queues.max_receive_count - 2)
        return max(wait, self._timeout_s(large=busy.large) / looks)

    def _timeout_s(self, *, large: bool) -> float:
        topology = self._settings.topology
        return topology.large.timeout_s if large else topology.stages[self._stage].timeout_s

    def _about(self, event: Event) -> AbstractContextManager[None]:
        """Whatever is logged and measured in this block is about ``event``."""
        return about(
            stage=self._stage,
            lane="replay" if isinstance(event, Reprocess) else events.lane(event.event_id),
            correlation_id=event.event_id,
            replay_id=events.replay_id(event.event_id),
            video_id=event.video_id,
        )

    # -- one run ---------------------------------------------------------------------------------

    def _runs(self, event: Event) -> Runs:
        """Where the state of the run that ``event`` asks for is kept."""
        shadow = isinstance(event, Reprocess) and event.shadow
        return self._catalog.shadows if shadow else self._catalog.runs

    def _reprocess(self, request: Reprocess, delivery: Delivery) -> Outcome:
        video = self._catalog.video(request.video_id)
        if video is None or video.deleted_at:
            return Outcome.IGNORED
        if request.revision not in {None, video.revision}:
            return Outcome.SUPERSEDED
        runs = self._runs(request)
        job = _Job(video.upload, request.event_id, request.params, request.shadow, runs, delivery)
        if request.replay_id and self._cancelled(request.replay_id):
            self._forget(job)
            return Outcome.IGNORED
        return self._run(job)

    def _forget(self, job: _Job) -> None:
        """End a run that nobody wants any more and that waits for another try or host.

        What was current before is so again, or it would be waited for without end.
        """
        video_id = job.upload.video_id
        run = job.runs.get(video_id, self._stage)
        if run is None or run.state != "pending" or run.event_id != job.event_id:
            return
        run = job.runs.claim(
            job.upload, self._stage, event_id=job.event_id, lease_s=self._settings.lease_s
        )
        if run.current_result:
            self._succeed(job, run, run.current_result)
        else:
            message = f"{self._stage} was still to be run when its replay was cancelled. Replay it."
            job.runs.end(video_id, run, "failed", Lost("cancelled", message))

    def _run(self, job: _Job) -> Outcome:
        upload = job.upload
        try:
            plan: _Plan | Exception = self._plan(job)
        except Exception as error:  # noqa: BLE001 - recorded once the run is ours to record
            plan = error
        before = job.runs.get(upload.video_id, self._stage)
        if _is_done(before, job, plan):
            return Outcome.CURRENT
        if _is_sent_on(before, job):
            return Outcome.SENT_ON
        run = job.runs.claim(
            upload,
            self._stage,
            event_id=job.event_id,
            lease_s=self._settings.lease_s,
            fingerprint=plan.intent.fingerprint if isinstance(plan, _Plan) else None,
            large=job.delivery.large,
            receipt=job.delivery.receipt,
        )
        try:
            if isinstance(plan, Exception):
                raise plan
            return self._claimed(job, before, run, plan)
        except LeaseLost:
            return Outcome.SUPERSEDED
        except Exception as error:  # each becomes a class of our tree, and recorded
            if device.failed(error):
                # Nothing that it was given would end well. Its host takes that for a crash: the run
                # has its tries in other processes, if they can use the GPU.
                log.critical("the GPU failed: this process ends", exc_info=error)
                os._exit(1)  # Python's own end may hang on a GPU that does not answer
            return self._give_up(job.runs, upload.video_id, run, error, job.delivery.send_on)

    def _plan(self, job: _Job) -> _Plan:
        head = self._artifacts.head(job.upload)
        return _Plan(head, self._planner.intend(job.upload, head.metadata, job.extra))

    def _claimed(self, job: _Job, before: StageRun | None, run: StageRun, plan: _Plan) -> Outcome:
        """Bring a run that is ours to a good end."""
        video_id = job.upload.video_id
        if not plan.intent.wanted:
            job.runs.end(video_id, run, "skipped")
            return Outcome.SKIPPED
        if stored := self._reusable(job.upload, run, plan.intent):
            self._succeed(job, run, stored)
            return Outcome.REUSED
        if job.delivery.send_on:
            self._admission.check_past(before)
        if run.tries > self._settings.max_attempts:
            raise Lost(
                "gave_up",
                f"The process that ran {self._stage} ended without a word {run.tries - 1} times. "
                "Look at its log, then replay.",
            )
        result = self._execute(job, run, plan)
        self._succeed(job, run, result)
        self._catalog.timings.record(result)
        metrics.record(names.SOURCE_MEDIA, result.cost.media_seconds)
        return Outcome.SUCCEEDED

    def _succeed(self, job: _Job, run: StageRun, result: StageResult) -> None:
        if job.shadow:
            job.runs.succeed(job.upload.video_id, run, result)
        else:
            self._catalog.succeed(job.upload.video_id, run, result)

    def _reusable(self, upload: Upload, run: StageRun, plan: Intent) -> StageResult | None:
        """A stored result with the same fingerprint, if its files still stand."""
        stored = self._catalog.runs.result(upload.video_id, self._stage, plan.fingerprint)
        if stored is None or not self._artifacts.has(stored.prefix):
            return None
        if stored.revision == upload.revision:
            return stored
        # The same content was uploaded again: it was queued, and is done, now.
        return stored.model_copy(
            update={
                "revision": upload.revision,
                "queued_at": run.queued_at,
                "started_at": run.started_at,
                "finished_at": datetime.now(UTC),
                "event_id": run.event_id,
            }
        )

    def _execute(self, job: _Job, run: StageRun, plan: _Plan) -> StageResult:
        started, cpu = time.monotonic(), _cpu_seconds()
        upload, intent = job.upload, plan.intent
        lease = Lease(
            job.runs,
            upload.video_id,
            run,
            lease_s=self._settings.lease_s,
            extend=job.delivery.extend,
            limit_s=self._timeout_s(large=job.delivery.large) - _MARGIN_S,
            seconds_left=job.delivery.seconds_left - _MARGIN_S,
        )
        # Where nothing can be sent on, there is nothing to judge.
        video = self._catalog.video(upload.video_id) if job.delivery.send_on else None
        with workdir(self._settings.scratch) as scratch, lease:
            if video:
                self._admission.check_room(upload.size, scratch)
                self._admission.check_time(video, intent, lease.remaining())
            source = self._fetch(upload, plan.head, scratch, lease.part(0, _FETCHED))
            if video and video.probe is None:
                video = video.model_copy(update={"probe": source.probe})
                self._admission.check_time(video, intent, lease.remaining())
            work = scratch / "out"
            work.mkdir()
            result = self._module.run(source, intent.params, work, lease.part(_FETCHED, _RUN))
            prefix = (
                f"artifacts/{upload.video_id}/{upload.revision}/{self._stage}/"
                f"{intent.fingerprint}/{job.runs.folder(run)}/"
            )
            facts = self._facts(upload, run, intent, result)
            published = self._artifacts.publish(
                prefix, work, result.artifacts, facts, lease.part(_RUN, 1)
            )
        seconds = round(time.monotonic() - started, 3)
        return StageResult(
            stage=self._stage,
            version=intent.version,
            fingerprint=intent.fingerprint,
            content_id=upload.content_id,
            revision=upload.revision,
            attempt=run.attempt,
            prefix=prefix,
            params=intent.params.model_dump(mode="json"),
            identity=intent.identity,
            artifacts=_listed(published),
            summary=result.summary,
            warnings=result.warnings,
            labels=result.labels,
            large=job.delivery.large,
            cost=Cost(
                seconds=seconds,
                cpu_seconds=round(_cpu_seconds() - cpu, 3),
                gpu_seconds=seconds if device.holds_gpu() else 0,
                media_seconds=source.probe.duration_s,
                bytes_in=upload.size,
                bytes_out=sum(one.bytes for one in published),
                files=len(published),
            ),
            queued_at=run.queued_at,
            started_at=run.started_at or datetime.now(UTC),
            finished_at=datetime.now(UTC),
            event_id=run.event_id,
        )

    def _fetch(self, upload: Upload, head: Head, scratch: Path, report: Report) -> Source:
        # A fixed name: what an uploader calls a file never reaches a command line.
        path = scratch / "source"
        limits = self._settings.limits
        if upload.size > limits.max_bytes:
            raise LimitExceeded(
                "too_large",
                f"The file has {upload.size:,} bytes; at most {limits.max_bytes:,} are allowed.",
            )
        self._artifacts.fetch(upload, path, report)
        found = probe(path, limits)
        self._catalog.record_probe(upload, found, head.metadata)
        return Source(path=path, name=upload.name, probe=found)

    def _facts(
        self, upload: Upload, run: StageRun, intent: Intent, result: Result
    ) -> dict[str, Any]:
        """What the manifest says beside its files."""
        return {
            "videodrop": pipeline.__version__,
            "video_id": upload.video_id,
            "source": upload.model_dump(mode="json"),
            "revision": upload.revision,
            "event_id": run.event_id,
            "stage": self._stage,
            "stage_version": intent.version,
            "fingerprint": intent.fingerprint,
            "attempt": run.attempt,
            "params": intent.params.model_dump(mode="json"),
            "identity": intent.identity,
            "tools": {"ffmpeg": ffmpeg.version()},
            "created_at": datetime.now(UTC).isoformat(),
            "summary": result.summary,
            "warnings": [notice.model_dump() for notice in result.warnings],
            "labels": result.labels,
        }

    def _release(
        self, runs: Runs, video_id: str, run: StageRun, error: VideodropError, *, tries: int
    ) -> None:
        patience_s = self._settings.topology.queues.retention_s
        runs.release(video_id, run, error, tries=tries, patience_s=patience_s)

    def _give_up(
        self,
        runs: Runs,
        video_id: str,
        run: StageRun,
        problem: Exception,
        send_on: Callable[[], None] | None,
    ) -> Outcome:
        """End the run as failed, or give it back where another try, or another host, may help.

        What is sent on is given back first, so that whoever gets the message finds nobody in its
        way. A process that dies before it is sent gets its own message again, and sends it on then;
        one that dies after that sends it twice, and whoever comes second finds the run taken or
        done.

        Raises:
            Retry: it was given back.
        """
        try:
            if isinstance(problem, Changed):
                runs.end(video_id, run, "superseded")
                return Outcome.SUPERSEDED
            error = classify(problem)
            if send_on and (outgrown := outgrown_by(error)):
                self._release(runs, video_id, run, outgrown, tries=run.tries - 1)
                send_on()
                log.info("%s %s: %s", self._stage, video_id, outgrown)
                return Outcome.SENT_ON
            if error.retryable and run.tries < self._settings.max_attempts:
                wait = _FIRST_RETRY_S * 2**run.tries
                self._release(runs, video_id, run, error, tries=run.tries)
                raise Retry(wait, str(error)) from error
            runs.end(video_id, run, "failed", error)
        except LeaseLost:
            return Outcome.SUPERSEDED
        metrics.record(names.RUNS, outcome=Outcome.FAILED, failure_class=error.failure_class)
        tracing.record_error(error)
        log.warning("%s %s: %s", self._stage, video_id, error)
        return Outcome.FAILED


def _is_done(run: StageRun | None, job: _Job, plan: _Plan | Exception) -> bool:
    """Whether this very event was handled before, or its answer is already the current one."""
    if run is None or run.revision != job.upload.revision or run.state not in TERMINAL:
        return False
    if run.event_id == job.event_id:
        return True
    return (
        isinstance(plan, _Plan)
        and run.state == "succeeded"
        and run.current_result is not None
        and run.current_result.fingerprint == plan.intent.fingerprint
    )


def _is_sent_on(run: StageRun | None, job: _Job) -> bool:
    """Whether a worker for large jobs got this very event: its own message outlives the run."""
    return (
        run is not None
        and run.large
        and run.revision == job.upload.revision
        and run.event_id == job.event_id
        and not job.delivery.large
    )


def _listed(published: list[PublishedArtifact]) -> list[PublishedArtifact]:
    """The artifacts worth a place in the record: not the thousand segments."""
    by_role: dict[str, list[PublishedArtifact]] = {}
    for one in published:
        by_role.setdefault(one.role, []).append(one)
    return [one for role in by_role.values() if len(role) <= _LISTED_PER_ROLE for one in role]


def _cpu_seconds() -> float:
    """CPU time of this process and of the tools it has waited for."""
    own, tools = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + tools.ru_utime + tools.ru_stime
