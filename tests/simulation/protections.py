"""Protections, and for each a change of one line that takes it away."""

from typing import NamedTuple

_CATALOG = "pipeline/aws/catalog/"
_HELD = '"#attempt = :attempt AND #state = :running"'
# DynamoDB rejects a request with a value that its condition does not use.
_ANYONE = '"#state = :running AND (#attempt = :attempt OR attribute_exists(#pk))"'


class Protection(NamedTuple):
    """A protection, and how to take it away.

    Attributes:
        name: what it does.
        file: the file to change.
        old: text in it; its first occurrence is changed.
        new: in its place.
    """

    name: str
    file: str
    old: str
    new: str


PROTECTIONS = (
    Protection(
        "a run's writes are fenced by its attempt",
        _CATALOG + "run_writes.py",
        f"condition = {_HELD}",
        f"condition = {_ANYONE}",
    ),
    Protection(
        "a run that has ended is not written to",
        _CATALOG + "run_writes.py",
        f"condition = {_HELD}",
        'condition = "#attempt = :attempt AND (#state = :running OR attribute_exists(#pk))"',
    ),
    Protection(
        "a claim is conditional on the run as it was read",
        _CATALOG + "runs.py",
        "                **same_as_seen,\n",
        "",
    ),
    Protection(
        "a run is claimed only if it was not spread meanwhile",
        _CATALOG + "run_changes.py",
        ' AND {exists}(#spread)"',
        '"',
    ),
    Protection(
        "a version that a promotion has taken is not pruned",
        "pipeline/results/retention.py",
        "if removal.result and not self._catalog.results.forget(video_id, removal.result):",
        "if removal.result and self._catalog.results.forget(video_id, removal.result) is None:",
    ),
    Protection(
        "a live lease is respected",
        _CATALOG + "runs.py",
        "if left > 0 and not same.spread:",
        "if False:",
    ),
    Protection(
        "a spread run is not claimed again",
        _CATALOG + "runs.py",
        "if same.spread and not over:",
        "if False:",
    ),
    Protection(
        "a claim raises the attempt",
        _CATALOG + "runs.py",
        "attempt=(seen.attempt if seen else 0) + 1,",
        "attempt=max(1, seen.attempt if seen else 0),",
    ),
    Protection(
        "an older upload is superseded",
        _CATALOG + "revisions.py",
        'if deleted or head["sequencer"] > upload.sequencer:',
        "if deleted:",
    ),
    Protection(
        "the row of a video is written in the order of sequencers",
        _CATALOG + "revisions.py",
        'condition="attribute_not_exists(#pk) OR #sequencer < :new",',
        'condition="attribute_not_exists(#pk) OR attribute_exists(#pk)",',
    ),
    Protection(
        "an event of a deleted upload is superseded",
        _CATALOG + "revisions.py",
        'deleted = "deleted_at" in head',
        "deleted = False",
    ),
    Protection(
        "a new revision makes its stages pending",
        _CATALOG + "revisions.py",
        "late = [one for one in self._stages if _is_older(rows.get(sort_key(one)), upload)]",
        "late: list[str] = []",
    ),
    Protection(
        "a late deletion spares a later upload",
        _CATALOG + "removal.py",
        'condition = "attribute_not_exists(#pk) OR #sequencer < :new"',
        'condition = "attribute_exists(#pk) OR attribute_not_exists(#pk) OR #sequencer < :new"',
    ),
    Protection(
        "a deletion marks the upload that it has read",
        _CATALOG + "removal.py",
        'condition="#sequencer = :seen"',
        'condition="#sequencer = :seen OR attribute_exists(#pk)"',
    ),
    Protection(
        "a deletion fences runs",
        _CATALOG + "removal.py",
        '"attempt": run.attempt + 1, "progress": 0}',
        '"attempt": run.attempt, "progress": 0}',
    ),
    Protection(
        "a deletion is looked at again",
        "pipeline/results/deletion.py",
        "        self._catalog.removal.look_again(video_id, first_s=self._lease_s)\n",
        "",
    ),
    Protection(
        "the janitor completes a deletion",
        "pipeline/runs/janitor.py",
        "        self._purge_deleted()\n",
        "",
    ),
    Protection(
        "what was listed goes only if the video is still deleted",
        "pipeline/results/deletion.py",
        "if not self._catalog.removal.is_deleted(video_id):",
        "if False:",
    ),
    Protection(
        "a result of a later upload stays",
        _CATALOG + "results.py",
        '"#prefix = :prefix AND #revision = :revision AND "',
        '"(attribute_exists(#pk) OR #prefix = :prefix OR #revision = :revision) AND "',
    ),
    Protection(
        "labels of a later run stay",
        _CATALOG + "labels.py",
        '"attribute_not_exists(#attempt) OR #attempt <= :own"',
        '"attribute_exists(#pk) OR #attempt <= :own"',
    ),
    Protection(
        "labels of a later upload stay",
        _CATALOG + "labels.py",
        "if not rows or not is_deleted(video_id):",
        "if not rows:",
    ),
    Protection(
        "words of a later upload stay",
        _CATALOG + "search_settle.py",
        "if standing is None or standing.deleted:",
        "if True:",
    ),
    Protection(
        "the end of a run is announced by a later delivery",
        "pipeline/runs/consume.py",
        "        if run and run.event_id == job.event_id and not job.shadow:",
        "        if False:",
    ),
    Protection(
        "the end of a spread run is announced by a later delivery",
        "pipeline/runs/leftovers.py",
        "        if run and run.attempt == request.attempt and not request.shadow:",
        "        if False:",
    ),
    Protection(
        "the janitor ends lost runs",
        "pipeline/runs/janitor.py",
        "for one in self._catalog.overdue(before=before):",
        "for one in ():",
    ),
    Protection(
        "the janitor ends stages that nobody has claimed",
        "pipeline/runs/janitor.py",
        "ended += self._end_unclaimed(one)",
        "self._catalog.all_claimed(one)",
    ),
    Protection(
        "the janitor announces an end that was not",
        "pipeline/runs/janitor.py",
        "self._catalog.announce(video_id, run)",
        "self._catalog.runs.told(video_id, run)",
    ),
    Protection(
        "the janitor wakes replays",
        "pipeline/runs/janitor.py",
        "        self._wake_replays()\n",
        "",
    ),
    Protection(
        "a lost run is ended only as it was read",
        _CATALOG + "run_changes.py",
        "self.write(video_id, run, given, remove, **unchanged(run))",
        "self._table.update(\n"
        "            *(video_id, f'{self._kind}#{run.stage}'), set=given, remove=remove\n"
        "        )",
    ),
    Protection(
        "the janitor requests ranges again",
        "pipeline/runs/stalled.py",
        "                self.tell(request, spread)\n",
        "",
    ),
    Protection(
        "a range is claimed as it was read",
        _CATALOG + "ranges.py",
        'condition=known if seen.attempt else "attribute_not_exists(#pk)",',
        'condition=f"{known} OR attribute_exists(#pk)" if seen.attempt else None,',
    ),
    Protection(
        "a range is claimed only if its lease was not extended",
        _CATALOG + "ranges.py",
        "AND #state = :state AND #lease_until = :lease",
        "AND #state = :state AND (#lease_until = :lease OR attribute_exists(#pk))",
    ),
    Protection(
        "a worker that fails after its run has ended clears up",
        "pipeline/runs/range_run.py",
        "if over := self._spreader.clear_if_ended(request):  # no",
        "if over := None:  # no",
    ),
    Protection(
        "a first claim of a range is followed by a look at its run",
        "pipeline/runs/range_run.py",
        "if claimed.range.attempt == 1 and (",
        "if claimed.range.attempt == 0 and (",
    ),
    Protection(
        "a live lease on a range is respected",
        _CATALOG + "ranges.py",
        'if seen.state == "running" and (left := (seen.lease_until or 0) - now) > 0:',
        "if left := 0:",
    ),
    Protection(
        "a claim raises the attempt of a range",
        _CATALOG + "ranges.py",
        '"attempt": seen.attempt + 1,',
        '"attempt": max(1, seen.attempt),',
    ),
    Protection(
        "a range is added to the run that requested it",
        _CATALOG + "ranges.py",
        f'condition={_HELD},\n                given={{"attempt": request.attempt',
        f'condition={_ANYONE},\n                given={{"attempt": request.attempt',
    ),
    Protection(
        "a phase begins when all ranges of the last have ended",
        "pipeline/runs/plan_file.py",
        "if one.phase == phase} <= names(ended)",
        "if one.phase == phase} & names(ended) != set()",
    ),
    Protection(
        "only the first open phase is requested",
        "pipeline/runs/plan_file.py",
        "if one.phase == first] or [MERGE]",
        "] or [MERGE]",
    ),
    Protection(
        "the last range of a phase requests the next one",
        "pipeline/runs/range_run.py",
        "if plan.completes(range_.name, ended):",
        "if False:",
    ),
    Protection(
        "a range that is done is added again",
        "pipeline/runs/range_run.py",
        "            ended = self._catalog.ranges.end(",
        "            if request.range in {t.rpartition('-')[0] for t in run.ended}:\n"
        "                return Outcome.PART\n"
        "            ended = self._catalog.ranges.end(",
    ),
    Protection(
        "a spread run is marked by the worker that holds it",
        _CATALOG + "ranges.py",
        f'condition={_HELD},\n                given={{"attempt": run.attempt',
        f'condition={_ANYONE},\n                given={{"attempt": run.attempt',
    ),
    Protection(
        "a run that is over is cleared up",
        "pipeline/runs/range_run.py",
        "return self._spreader.leftovers.clear_late(request, found)",
        "return Outcome.SUPERSEDED",
    ),
    Protection(
        "a heartbeat extends the lease",
        "pipeline/runs/heartbeat.py",
        "self._claimed.heartbeat(progress=progress, lease_s=self._lease_s)",
        "self._claimed.report(progress=progress)",
    ),
    Protection(
        "a checkpoint is fenced by the driver's attempt",
        "pipeline/replays/store.py",
        'condition="#attempt = :attempt",',
        'condition="#attempt = :attempt OR attribute_exists(#pk)",',
    ),
    Protection(
        "a driver respects the lease of another",
        "pipeline/replays/store.py",
        'if item.get("driver_until", 0) > now.timestamp():',
        "if False:",
    ),
    Protection(
        "runs are written down before they are requested",
        "pipeline/replays/driver.py",
        "replay = self._checkpoint(chosen)",
        "replay = chosen",
    ),
    Protection(
        "a lost request of a replay is sent again",
        "pipeline/replays/settlement.py",
        "return self._is_overdue(one) and not at_work",
        "return False",
    ),
    Protection(
        "a replay does not wait for videos that are gone",
        "pipeline/replays/settlement.py",
        "outdated = self._outdated(one for one in replay.open if self._is_overdue(one))",
        "outdated: set[str] = set()",
    ),
    Protection(
        "a cancelled replay ends its spread runs",
        "pipeline/runs/range_run.py",
        "if replay_id and self._cancelled(replay_id):",
        "if False:",
    ),
    Protection(
        "each attempt has a folder of its own",
        _CATALOG + "runs.py",
        'return f"{attempt}" if self._kind == "stage" else f"{self._kind}-{attempt}"',
        'return "1"',
    ),
    Protection(
        "the files of a stored result are looked for",
        "pipeline/runs/reuse.py",
        "return stored if stored and self._artifacts.has(stored.prefix) else None",
        "return stored",
    ),
    Protection(
        "a stored result has all files that its manifest lists",
        "pipeline/aws/publication.py",
        "return MANIFEST in names and files.listed() <= names",
        "return MANIFEST in names",
    ),
    Protection(
        "what an earlier upload has is copied",
        "pipeline/runs/execute.py",
        "if found and found.revision == job.upload.revision:",
        "if found:",
    ),
    Protection(
        "a deletion leaves the result that a promotion has taken up",
        _CATALOG + "results.py",
        'AND "\n                "(attribute_not_exists(#taken_by) OR #taken_by = :taken_by)',
        'AND "\n                "(attribute_exists(#pk) OR #taken_by = :taken_by)',
    ),
    Protection(
        "what became current while it was removed is put back",
        "pipeline/results/retention.py",
        "                self._catalog.results.put(video_id, removal.result)\n",
        "                pass\n",
    ),
    Protection(
        "a source that was replaced is not processed",
        "pipeline/aws/source_files.py",
        'if found["ETag"].strip(\'"\') != upload.etag:',
        "if False:",
    ),
    Protection(
        "an event is logged in a place of its own",
        _CATALOG + "event_log.py",
        '                    condition="attribute_not_exists(#pk)",\n',
        "",
    ),
    Protection(
        "a write whose answer was lost is known",
        _CATALOG + "table.py",
        "return all(found.get(name) == value for name, value in fields.items())",
        "return False",
    ),
    Protection(
        "a driver that comes to rest has seen its owner's latest request",
        "pipeline/replays/driver.py",
        "return replay.requests == requests and (",
        "return replay.requests >= requests and (",
    ),
    Protection(
        "a replay that is over is looked at no more",
        "pipeline/replays/store.py",
        "            if replay.state in OVER:  # its",
        "            if False:  # its",
    ),
    Protection(
        "a worker that lost its lease uploads nothing",
        "pipeline/aws/publication.py",
        "        report(0)  # raises",
        "        #",
    ),
    Protection(
        "the death of a child is recorded for its own delivery",
        "pipeline/runs/runner.py",
        "if (run.event_id, run.receipt) != (event.event_id, receipt):",
        "if run.event_id != event.event_id:",
    ),
    Protection(
        "a run is tried so often and no more",
        "pipeline/runs/failure.py",
        "if error.retryable and run.tries < settings.max_attempts:",
        "if error.retryable:",
    ),
    Protection(
        "a message is kept while another delivery of its event has the run",
        "pipeline/runs/consume.py",
        "if run is None or run.event_id != event.event_id:",
        "if True:",
    ),
    Protection(
        "a deletion leaves the row of the search index that a later upload has",
        "pipeline/aws/catalog/search_settle.py",
        'condition="#documents = :documents AND #block = :block",',
        'condition="attribute_exists(#documents) OR #documents = :documents OR #block = :block",',
    ),
    Protection(
        "a worker that slept looks for a successor before it publishes",
        "pipeline/runs/heartbeat.py",
        "if self._tried.seconds() > self._lease_s:",
        "if False:",
    ),
)
