"""The checker: what must hold at each write to the table, and what at the end of a history."""

import json
from typing import TYPE_CHECKING, Any

from pipeline import bootstrap
from pipeline.core.events import replay_id, revision_of, video_id
from pipeline.core.records import StageRun, Video
from pipeline.core.status import TERMINAL
from pipeline.replays.records import OVER, Replay
from tests.simulation.scheduler import Process, Violation
from tests.simulation.stages import film, solo

if TYPE_CHECKING:
    from tests.simulation.history import History

Item = dict[str, Any]
_STAGES = {"solo": solo, "film": film}
_FILES = {"solo": "transcript.json", "film": "whole.txt"}
_HONEST = {
    "flaky": "told to fail",
    "unexpected": "told to have a defect",
    "not_media": "is bad",
}


class Monitor:
    """The checker of one history.

    Args:
        history: the history.
    """

    def __init__(self, history: "History") -> None:
        self._history = history
        self._claims: dict[tuple[str, str, int], Process] = {}
        self._merged: set[tuple[str, str, int]] = set()

    # -- at each write ---------------------------------------------------------------------------

    def changed(self, former: Item | None, item: Item | None) -> None:
        """Check one write."""
        if item is None:
            return
        kind = item["sk"].partition("#")[0]
        if kind == "video" and former:
            self._never_less(former, item, "sequencer")
        elif kind in {"stage", "shadow"}:
            self._run_changed(former, item)
        elif kind == "range" and former and former.get("attempt") != item.get("attempt"):
            self._was_free(former, item)

    def _run_changed(self, former: Item | None, item: Item) -> None:
        former = former or {"pk": item["pk"], "sk": item["sk"]}
        self._never_less(former, item, "sequencer")
        self._never_less(former, item, "attempt")
        key = item["pk"], item["sk"], int(item.get("attempt", 0))
        thread = self._history.scheduler.current
        process = thread.process if thread else None
        if item.get("state") == "running" and item.get("attempt") != former.get("attempt"):
            if process:
                self._claims[key] = process
                self._was_free(former, item)
            return
        worked = former.get("state") == "running" and "spread" not in former
        result = item.get("result")
        if result and result != former.get("result") and process:
            self._result_changed(former, item, process)
        if worked and item.get("state") in TERMINAL and process:
            owner = self._claims.get(key)
            may_end = process is owner or process.name.startswith(("janitor", "host"))
            if item.get("attempt") == former.get("attempt") and not may_end:
                raise Violation(f"{process.name} ended the run of another worker: {key}")

    def _was_free(self, former: Item, item: Item) -> None:
        """Check that a claim took nothing from a worker whose lease is alive."""
        if former.get("sequencer") != item.get("sequencer") or self._history.plan.skews:
            return
        if former.get("state") != "running":
            return
        alive = float(former.get("lease_until", 0)) > self._history.scheduler.now + 0.001
        if alive and "spread" not in former:
            raise Violation(f"{item['pk']} {item['sk']} was claimed in spite of its lease")
        if "spread" in former and not former.get("rounds"):
            raise Violation(f"{item['pk']} {item['sk']} was claimed although it is spread")

    def _result_changed(self, former: Item, item: Item, process: Process) -> None:
        """Check a result that becomes current."""
        head = self._history.installation.rows.items.get((item["pk"], "video"), {})
        if "deleted_at" in head and head.get("sequencer") == item["sequencer"]:
            return  # the janitor removes what a run writes late
        key = item["pk"], item["sk"], int(item["attempt"])
        if former.get("attempt") == item.get("attempt"):
            if "spread" in former:
                if key in self._merged:
                    raise Violation(f"a run was merged twice: {key}")
                self._merged.add(key)
                names = {one.rpartition("-")[0] for one in former.get("ended", ())}
                if len(names) != former["spread"]["total"]:
                    raise Violation(f"a run was merged before its ranges had ended: {key}")
            elif self._claims.get(key) is not process:
                raise Violation(f"{process.name} published for another worker: {key}")

    @staticmethod
    def _never_less(former: Item, item: Item, name: str) -> None:
        if name in former and not (name in item and former[name] <= item[name]):
            raise Violation(f"{name} of {item['pk']} {item['sk']} went back")

    # -- at the end ------------------------------------------------------------------------------

    def check_end(self) -> None:
        """Check that everything has ended, and truthfully.

        Raises:
            Violation: it has not.
        """
        history = self._history
        s3, bucket = history.installation.s3, history.names.uploads_bucket
        for place, key in sorted(s3.objects):
            if place == bucket:
                current = s3.current(bucket, key)
                if current is None or current.data is None:
                    self._deleted(video_id(bucket, key))
                else:
                    self._alive(key, current)
        for place, key in {(p, k) for p, k in self._once() if (p, k) not in s3.objects}:
            self._deleted(video_id(place, key))
        self._nothing_runs()
        self._replays()

    def _once(self) -> list[tuple[str, str]]:
        """Return the keys that were ever uploaded."""
        rows = self._history.installation.rows.items
        heads = [row for (_, sk), row in rows.items() if sk == "video" and "upload" in row]
        return [(row["upload"]["bucket"], row["upload"]["key"]) for row in heads]

    def _alive(self, key: str, current: Any) -> None:
        """Check a video whose file is in the bucket."""
        history = self._history
        vid = video_id(history.names.uploads_bucket, key)
        video = bootstrap.catalog(history.installation.config).video(vid)
        version = current.version_id if current.version_id != "null" else None
        revision = revision_of(version or current.sequencer.ljust(40, "0"))
        if video is None or video.deleted_at or video.revision != revision:
            if self._all_lost(current.sequencer):
                return
            raise Violation(f"{key}: its latest upload {revision} is not what people see")
        for run in video.stages.values():
            self._truthful(video, run, current.data)
        self._findable(video)
        if history.plan.tells:
            self._told(video)

    def _all_lost(self, sequencer: str) -> bool:
        """Return True if all messages of an upload were lost: nobody could know of it."""
        lost = [body for _, body in self._history.queues.lost if f"s3-{sequencer}-created" in body]
        return len(lost) >= len(self._history.stages)

    def _truthful(self, video: Video, run: StageRun, content: bytes) -> None:
        name = f"{video.upload.name} {run.stage}"
        if run.state not in {"succeeded", "failed"}:
            raise Violation(f"{name} is {run.state}")
        if run.current_result:
            self._whole(video.video_id, run, content)
        if run.state == "succeeded":
            if run.current_result is None or content.startswith(b"bad"):
                raise Violation(f"{name} succeeded without a result of its content")
        else:
            self._failed(name, run, content)

    def _failed(self, name: str, run: StageRun, content: bytes) -> None:
        error, history = run.error, self._history
        if error is None:
            raise Violation(f"{name} failed without an error")
        said = _HONEST.get(error.code)
        if said and said not in error.message:
            raise Violation(f"{name}: {error.message}")
        if error.code == "not_media" and not content.startswith(b"bad"):
            raise Violation(f"{name}: good content was rejected")
        by_person = error.code == "cancelled" and self._cancelled()
        if error.code not in _HONEST and not (
            by_person or history.calls.faults or history.plan.faulty or history.plan.skews
        ):
            raise Violation(f"{name} failed without a fault: {error.code} {error.message}")

    def _cancelled(self) -> bool:
        """Return True if somebody has cancelled a replay."""
        replays = self._history.installation.rows.partition("#replays")
        return any(row.get("wish") == "cancel" for row in replays)

    def _whole(self, vid: str, run: StageRun, content: bytes) -> None:
        """Check the files of a current result."""
        result, history = run.current_result, self._history
        if result is None:
            return
        s3, bucket = history.installation.s3, history.names.artifacts_bucket
        module = _STAGES[run.stage]
        expected = module.text(content, module.Params(**result.params))
        if result.summary["text"] != expected:
            raise Violation(f"{run.stage} made {result.summary} of {expected!r}")
        found = s3.current(bucket, result.prefix + "manifest.json")
        if found is None or found.data is None:
            raise Violation(f"{vid} {run.stage}: its current result has no manifest")
        for file in json.loads(found.data)["files"]:
            stored = s3.current(bucket, result.prefix + file["name"])
            if stored is None or len(stored.data or b"") != file["bytes"]:
                raise Violation(f"{vid} {run.stage}: {file['name']} is not whole")
        main = s3.current(bucket, result.prefix + _FILES[run.stage])
        if main is None or expected not in (main.data or b"").decode():
            raise Violation(f"{vid} {run.stage}: its file is that of another result")
        row = history.installation.rows.items
        if (vid, f"result#{run.stage}#{result.fingerprint}") not in row:
            raise Violation(f"{vid} {run.stage}: its current result is not stored")

    def _findable(self, video: Video) -> None:
        """Check labels and words of a video."""
        rows = self._history.installation.rows
        vid = video.video_id
        for run in video.stages.values():
            result = run.current_result
            found = {row["label"] for row in self._labels(vid, run.stage)}
            wanted = set(result.labels) if result else set()
            if not wanted <= found:  # rows that are left over are hints
                raise Violation(f"{vid} {run.stage} has the labels {found}, not {wanted}")
        about = rows.items.get((vid, "stage#solo"), {}).get("indexed")
        solo_run = video.stages.get("solo")
        if solo_run and solo_run.current_result:
            document = json.loads(about)["document"] if about else None
            pages = [row["sk"] for row in rows.partition(f"#pages#{vid}")]
            if not document or not any(sk.startswith(f"{document}#") for sk in pages):
                raise Violation(f"{vid}: a search does not find its words")
            recent = [row["sk"] for row in rows.partition("#recent")]
            waits = f"{vid}#solo#{document}" in recent
            block = rows.items.get((vid, "index"), {})
            if not waits and document not in block.get("documents", ()):
                raise Violation(f"{vid}: no row of the search index has its words")

    def _labels(self, vid: str, stage: str) -> list[Item]:
        prefix = f"label#{stage}#"
        rows = self._history.installation.rows.partition(vid)
        return [row for row in rows if row["sk"].startswith(prefix)]

    def _told(self, video: Video) -> None:
        """Check that the end of each run was told, and that of the video."""
        logged = self._history.installation.rows.partition("#events")
        kinds = {
            (one["event"]["type"], one["event"]["detail"].get("stage"))
            for one in logged
            if one["event"]["detail"]["video_id"] == video.video_id
            and one["event"]["detail"]["revision"] == video.revision
        }
        # A worker that dies before it tells leaves it to the next delivery of its message.
        if any(map(self._was_lost, video.stages.values())):
            return
        for run in video.stages.values():
            if (f"stage.{run.state}", run.stage) not in kinds:
                raise Violation(f"{video.video_id} {run.stage}: {run.state} was told to nobody")
        told = "video.failed" if video.status == "failed" else "video.ready"
        if (told, None) not in kinds:
            raise Violation(f"{video.video_id}: {told} was told to nobody")

    def _was_lost(self, run: StageRun) -> bool:
        """Return True if a message of a run's event was lost."""
        queues = [self._history.names.queue(run.stage, lane) for lane in ("live", "replay")]
        event = replay_id(run.event_id) or run.event_id or ""
        return any(queue in queues and event in body for queue, body in self._history.queues.lost)

    def _deleted(self, vid: str) -> None:
        """Check that nothing is left of a deleted video but its tombstone."""
        history = self._history
        rows = history.installation.rows
        head = rows.items.get((vid, "video"))
        if head is None:
            return
        if "deleted_at" not in head:
            raise Violation(f"{vid}: its file is gone, and it is shown")
        left = history.installation.s3.keys(history.names.artifacts_bucket, f"artifacts/{vid}/")
        if left:
            raise Violation(f"{vid} was deleted, and has {left}")
        for row in rows.partition(vid):
            kind = row["sk"].partition("#")[0]
            if kind not in {"video", "stage", "shadow"} or "result" in row or "probe" in row:
                raise Violation(f"{vid} was deleted, and has the row {row['sk']}")
        gone = [*rows.partition(f"#pages#{vid}")]
        gone += [row for row in rows.partition("#recent") if row["sk"].startswith(vid)]
        if gone:
            raise Violation(f"{vid} was deleted, and has {[one['sk'] for one in gone]}")
        from pipeline.aws.catalog.search_rows import member  # noqa: PLC0415

        for (pk, sk), row in rows.items.items():
            if pk.startswith("#terms#") and member(vid) in row.get("videos", ()):
                raise Violation(f"{vid} was deleted, and the term {sk} has it")

    def _nothing_runs(self) -> None:
        history = self._history
        for (pk, sk), row in history.installation.rows.items.items():
            kind = sk.partition("#")[0]
            if kind in {"stage", "shadow"} and row.get("state") not in TERMINAL:
                raise Violation(f"{pk} {sk} is still {row.get('state')}")
            # Perhaps no message is left that brings a worker; such a row expires.
            unlucky = history.queues.lost or history.plan.skews or history.calls.paused
            if kind == "range" and not (unlucky and "expires_at" in row):
                raise Violation(f"{pk} {sk} is left of its run")
        for name in history.queues.names():
            if not name.endswith("-dlq") and history.queues.messages(name):
                raise Violation(f"{name} still has messages")

    def _replays(self) -> None:
        rows = self._history.installation.rows
        for row in rows.partition("#replays"):
            replay = bootstrap.replays(self._history.installation.config).get(row["sk"])
            if replay:
                self._replay(replay)

    def _replay(self, replay: Replay) -> None:
        name = f"replay {replay.replay_id}"
        if replay.state in {"paused", "planned"} and replay.desired_state == "pause":
            return
        if replay.state not in OVER:
            raise Violation(f"{name} is {replay.state}, {replay.desired_state} was asked")
        if replay.state == "failed" and not self._history.calls.faults:
            raise Violation(f"{name} failed: {replay.reason}")
        if replay.state == "finished" and (replay.open or replay.asked != replay.ended):
            raise Violation(f"{name}: {replay.asked} asked, {replay.ended} ended, {replay.open}")
        if replay.desired_state == "cancel" and replay.state == "finished" and replay.open:
            raise Violation(f"{name} is open")
