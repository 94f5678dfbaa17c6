"""Deletion of videos: what goes, what late workers and events can do, and undo."""

import json
import time
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.announce import Announcer
from pipeline.aws.artifact_inventory import Attempts
from pipeline.aws.catalog.contents import Contents
from pipeline.aws.catalog.labels import Labels
from pipeline.aws.catalog.removal import Removal
from pipeline.aws.catalog.table import partition
from pipeline.aws.uploads import Uploads
from pipeline.core import events
from pipeline.core.errors import Conflict, DependencyFailed, LeaseLost, NotFound
from pipeline.core.events import Deletion, Upload
from pipeline.core.records import Spread
from pipeline.results.deletion import Deletions
from pipeline.results.versions import Versions
from pipeline.runs.delivery import Outcome
from pipeline.runs.janitor import Janitor
from pipeline.runs.spread import request_of
from tests.fakes import aws_events, toystage
from tests.fakes.rig import Rig, upload_of


@pytest.fixture
def versioned(rig: Rig) -> Rig:
    """The rig with an uploads bucket that keeps deleted files."""
    aws.client("s3").put_bucket_versioning(
        Bucket=rig.config.names.uploads_bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    return rig


def deletions(rig: Rig, put: Any = lambda _: None) -> Deletions:
    """Make deletions whose second look is due at once; ``put`` sends their events."""
    files = Attempts(aws.client("s3"), rig.config.names.artifacts_bucket)
    catalog = rig.catalog
    catalog.announcer = Announcer(put, "bus")
    return Deletions(catalog, bootstrap.uploads(rig.config), files, lease_s=-1, kept_days=30)


def delete(rig: Rig, body: str) -> Any:
    return deletions(rig).delete(upload_of(body).video_id)


def janitor(rig: Rig) -> Janitor:
    """Make a janitor without dead-letter queues and replays."""
    return Janitor(rig.catalog, list, list, grace_s=0, deletions=deletions(rig))


def rows(rig: Rig, body: str) -> dict[str, set[str]]:
    """Return the attributes of the rows of a video."""
    found = rig.table.query(
        KeyConditionExpression=partition("pk", upload_of(body).video_id), ConsistentRead=True
    )
    return {row["sk"]: set(row) for row in found}


def uploads(rig: Rig) -> list[str]:
    found = aws.client("s3").list_objects_v2(Bucket=rig.config.names.uploads_bucket)
    return [one["Key"] for one in found.get("Contents", [])]


def deletion_of(rig: Rig, body: str) -> Deletion:
    event = events.parse(gone(rig, body))
    assert isinstance(event, Deletion)
    return event


def gone(rig: Rig, body: str) -> str:
    """Make S3's event of a deletion."""
    upload = upload_of(body)
    sequencer = f"{rig.uploaded + 1:018X}"
    rig.uploaded += 1
    return aws_events.deleted(
        upload.key, bucket=upload.bucket, sequencer=sequencer, deletion_type="Delete Marker Created"
    )


# -- what goes ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_s3")
def test_all_that_was_made_of_a_video_goes_at_once(rig: Rig):
    body = rig.put()
    rig.handle(body)
    rig.reprocess(body, text="other")
    assert len(rig.stored()) == 4
    done = delete(rig, body)
    assert (done.files, done.name, done.restorable_until) == (4, "a.mp4", None)
    assert (rig.stored(), uploads(rig)) == ([], [])
    assert rows(rig, body).keys() == {"video", "stage#toy"}
    assert not rows(rig, body)["video"] & {"probe", "metadata", "uploaded_order"}
    made = {"result", "history", "error", "event_id", "indexed"}
    assert not rows(rig, body)["stage#toy"] & made
    video = rig.video(body)
    assert (video.status, list(rig.catalog.timeline.newest())) == ("deleted", [])
    assert list(rig.catalog.timeline.newest(label="other")) == []


def test_the_ranges_of_a_spread_run_go_and_its_workers_lose_their_lease(rig: Rig):
    body = rig.put()
    rig.handle(body)
    upload = upload_of(body)
    runs, known = rig.catalog.runs, rig.state(body)
    run = runs.claim(upload, "toy", seen=known, event_id="again", lease_s=60)
    request = request_of(upload.video_id, run, fingerprint="f" * 32, shadow=False)
    spread = Spread(total=2, fingerprint="f" * 32, queue="q")
    rig.catalog.ranges.spread(request, run, spread, patience_s=60)
    range_ = rig.catalog.ranges.read(request.of("a"))[1]
    rig.catalog.ranges.claim(request.of("a"), range_, lease_s=60, receipt=None)
    assert any(sk.startswith("range#") for sk in rows(rig, body))
    delete(rig, body)
    assert rows(rig, body).keys() == {"video", "stage#toy"}
    with pytest.raises(LeaseLost):
        rig.catalog.ranges.end(request, "a-1", patience_s=60)


def test_another_video_with_the_same_bytes_keeps_its_results(rig: Rig):
    one, two = rig.put(b"same", key="videos/a.mp4"), rig.put(b"same", key="videos/b.mp4")
    rig.handle(one)
    rig.handle(two)
    delete(rig, one)
    assert rig.text(rig.state(two).current_result) == "hello"
    assert rig.reprocess(two) == Outcome.CURRENT


def test_a_second_deletion_completes_the_first_and_changes_nothing(rig: Rig):
    body = rig.put()
    rig.handle(body)
    first = delete(rig, body)
    aws.client("s3").put_object(
        Bucket=rig.config.names.artifacts_bucket,
        Key=f"artifacts/{upload_of(body).video_id}/left",
        Body=b"x",
    )
    again = delete(rig, body)
    assert (again.deleted_at, again.files) == (first.deleted_at, 1)
    assert rig.stored() == []
    assert delete(rig, body).files == 0


def test_what_was_never_uploaded_cannot_be_deleted(rig: Rig):
    with pytest.raises(NotFound):
        deletions(rig).delete("0" * 20)


def test_captions_go_with_their_video_unless_another_one_shows_them(rig: Rig):
    bodies = [rig.put(key=f"videos/{name}") for name in ("a.mp4", "a.mov")]
    for body in bodies:
        rig.handle(body)
    rig.handle(rig.put(b"1\n", key="videos/a.srt"))
    rig.handle(rig.put(b"1\n", key="videos/a.mp4.de.srt"))
    delete(rig, bodies[0])
    assert uploads(rig) == ["videos/a.mov", "videos/a.srt"]
    delete(rig, bodies[1])
    assert uploads(rig) == []


def test_captions_go_before_their_video(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """S3's event of the video's deletion completes it, and knows no captions."""
    body = rig.put()
    rig.handle(body)
    rig.handle(rig.put(b"1\n", key="videos/a.srt"))
    remove = Uploads.delete

    def dies_at_the_video(self: Uploads, key: str) -> None:
        if key == upload_of(body).key:
            raise ConnectionError
        remove(self, key)

    monkeypatch.setattr(Uploads, "delete", dies_at_the_video)
    with pytest.raises(ConnectionError):
        delete(rig, body)
    assert uploads(rig) == ["videos/a.mp4"]


# -- races ---------------------------------------------------------------------------------------


def test_a_run_in_progress_publishes_nothing(rig: Rig):
    body = rig.put()

    def deleted_meanwhile(*given: Any) -> Any:
        delete(rig, body)
        return toystage.run(*given)

    rig.stage.run_ = deleted_meanwhile
    assert rig.handle(body) == Outcome.SUPERSEDED
    assert rig.video(body).status == "deleted"
    # What it had written before its last check goes once its lease is over.
    assert deletions(rig).purge_due() == 1
    assert rig.stored() == []
    assert rows(rig, body).keys() == {"video", "stage#toy"}
    assert rig.state(body).current_result is None


def test_the_event_of_the_deletion_leaves_the_second_look_due(rig: Rig):
    body = rig.put()
    rig.handle(body)
    delete(rig, body)
    janitor(rig).handle(gone(rig, body))
    assert deletions(rig).purge_due() == 1


def test_a_deleted_video_is_looked_at_ever_later_and_then_no_more(rig: Rig):
    body = rig.put()
    rig.handle(body)
    delete(rig, body)
    waits = []
    while len(waits) < 20 and deletions(rig).purge_due():
        head = rig.table.get(upload_of(body).video_id, "video") or {}
        waits.append(round(float(head.get("lease_until", 0)) - time.time()))
    assert len(waits) == 10
    assert waits[:-1] == sorted(waits[:-1], reverse=True)  # of a lease of -1 s
    assert "lease_until" not in rows(rig, body)["video"]


def test_a_run_that_was_paused_before_its_first_claim_leaves_nothing(rig: Rig):
    body = rig.put()
    upload = upload_of(body)
    rig.catalog.record_upload(upload, patience_s=60)
    delete(rig, body)
    assert deletions(rig).purge_due() == 1
    known = rig.catalog.runs.get(upload.video_id, "toy")
    run = rig.catalog.runs.claim(upload, "toy", seen=known, event_id="late", lease_s=60)
    assert run.attempt == 1
    assert deletions(rig).purge_due() == 1
    assert rig.state(body).state == "superseded"


@pytest.mark.parametrize("by", ["API", "S3"])
def test_a_deletion_that_dies_after_its_mark_is_completed_by_the_janitor(rig: Rig, by: str):
    body = rig.put()
    rig.handle(body)
    if by == "API":
        rig.catalog.removal.mark(rig.video(body), lease_s=-1)
    else:
        rig.catalog.removal.record(deletion_of(rig, body))
    janitor(rig).tidy()
    assert rig.stored() == []
    assert rows(rig, body).keys() == {"video", "stage#toy"}


def test_a_deletion_that_comes_late_leaves_the_labels_and_words_of_a_later_upload(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    first = rig.put(b"one")
    rig.handle(first)
    rig.catalog.removal.record(deletion_of(rig, first))
    second = rig.put(b"two")

    def uploaded_meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(Labels, "_rows", rows_of)
        rig.handle(second)
        return rows_of(*given)

    rows_of = Labels._rows
    monkeypatch.setattr(Labels, "_rows", uploaded_meanwhile)
    rig.catalog.unindex(upload_of(first).video_id)
    assert "label#toy#hello" in rows(rig, second)


def test_a_deletion_that_was_paused_leaves_the_run_and_the_result_of_a_later_upload(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    first = rig.put(b"same")
    rig.handle(first)
    rig.catalog.removal.record(deletion_of(rig, first))
    second = rig.put(b"same")
    is_deleted = Removal.is_deleted

    def uploaded_after(*given: Any) -> Any:
        answer = is_deleted(*given)
        monkeypatch.setattr(Removal, "is_deleted", is_deleted)
        deletions(rig).purge(upload_of(first).video_id)  # the janitor completes it meanwhile
        rig.handle(second)
        return answer

    monkeypatch.setattr(Removal, "is_deleted", uploaded_after)
    deletions(rig).purge(upload_of(first).video_id)
    run = rig.state(second)
    assert run.state == "succeeded"
    assert rig.catalog.results.all(upload_of(second).video_id) == [run.current_result]


@pytest.mark.parametrize("by", ["a run", "a promotion"])
def test_a_deletion_that_was_paused_leaves_a_result_that_was_taken_up_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, by: str
):
    first = rig.put(b"same")
    rig.handle(first)
    video_id = upload_of(first).video_id
    result = rig.state(first).current_result
    assert result
    rig.catalog.removal.record(deletion_of(rig, first))
    params = {"videodrop-toy-text": "other"} if by == "a promotion" else {}
    second = rig.put(b"same", **params)
    is_deleted = Removal.is_deleted

    def uploaded_after(*given: Any) -> Any:
        answer = is_deleted(*given)
        monkeypatch.setattr(Removal, "is_deleted", is_deleted)
        outcome = rig.handle(second)
        assert outcome is (Outcome.SUCCEEDED if params else Outcome.REUSED)
        if params:
            Versions(rig.catalog, rig.artifacts).promote(video_id, "toy", result.fingerprint)
        return answer

    monkeypatch.setattr(Removal, "is_deleted", uploaded_after)
    deletions(rig).purge(video_id)
    run = rig.state(second)
    assert run.state == "succeeded"
    assert rig.text(run.current_result) == "hello"
    stored = rig.catalog.results.get(video_id, "toy", result.fingerprint)
    assert stored
    if params:
        assert (stored.prefix, stored.taken_by) == (result.prefix, f"{run.attempt}")
    else:  # copied: no deletion of the earlier upload has its files
        assert (stored.prefix, stored.copied_from) == (run.current_result.prefix, result.prefix)


def test_a_result_is_the_last_of_its_rows_to_go(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    body = rig.put()
    rig.handle(body)
    result = rig.state(body).current_result
    assert result

    def dies(*_: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(Contents, "gone", dies)
    with pytest.raises(ConnectionError):
        rig.catalog.results.forget(upload_of(body).video_id, result)
    assert rig.catalog.results.all(upload_of(body).video_id) == [result]


def test_a_run_that_is_claimed_just_after_a_deletion_is_ended_by_the_second_look(rig: Rig):
    body = rig.put()
    rig.handle(body)
    delete(rig, body)
    run = rig.state(body)
    late = rig.catalog.runs.claim(upload_of(body), "toy", seen=run, event_id="late", lease_s=60)
    assert deletions(rig).purge_due() == 1
    after = rig.state(body)
    assert (after.state, after.attempt) == ("superseded", late.attempt + 1)


@pytest.mark.parametrize("kept", [False, True])
def test_a_late_duplicate_of_the_upload_does_not_bring_it_back(rig: Rig, kept: bool):  # noqa: FBT001 - parametrized
    if kept:
        aws.client("s3").put_bucket_versioning(
            Bucket=rig.config.names.uploads_bucket, VersioningConfiguration={"Status": "Enabled"}
        )
    body = rig.put()
    rig.handle(body)
    delete(rig, body)
    for event_id in ("event-1", "another"):
        late = body.replace('"id": "event-1"', f'"id": "{event_id}"')
        assert rig.handle(late) == Outcome.SUPERSEDED
    assert (rig.video(body).status, rig.stored(), rig.stage.runs) == ("deleted", [], 1)
    assert rig.reprocess(body) == Outcome.IGNORED


def test_a_deletion_by_any_s3_client_removes_what_was_derived(rig: Rig):
    body = rig.put()
    rig.handle(body)
    aws.client("s3").delete_object(Bucket=rig.config.names.uploads_bucket, Key=upload_of(body).key)
    janitor(rig).handle(gone(rig, body))
    assert (rig.video(body).status, rig.stored()) == ("deleted", [])


def test_a_deletion_of_an_earlier_upload_leaves_the_later_one(rig: Rig):
    first = rig.put(b"one")
    rig.handle(first)
    event = gone(rig, first)
    second = rig.put(b"two")
    rig.handle(second)
    janitor(rig).handle(event)
    assert rig.video(second).status == "processing"  # of its other stage
    assert rig.text(rig.state(second).current_result) == "hello"


# -- the event ----------------------------------------------------------------------------------


def ids(sent: list[list[dict[str, Any]]]) -> list[str]:
    """Return the ids of events, all of which are of deletions."""
    assert {one["DetailType"] for each in sent for one in each} <= {"Video Deleted"}
    return [json.loads(one["Detail"])["id"] for each in sent for one in each]


def test_a_deletion_is_told_once_whether_or_not_an_event_of_s3_comes(rig: Rig):
    sent: list[list[dict[str, Any]]] = []
    ours = deletions(rig, sent.append)
    body = rig.put()
    rig.handle(body)
    ours.delete(upload_of(body).video_id)
    assert len(ids(sent)) == 1
    ours.delete(upload_of(body).video_id)
    Janitor(ours._catalog, list, list, grace_s=0, deletions=ours).handle(gone(rig, body))
    ours.purge_due()
    assert len(ids(sent)) == 1
    again = rig.put()
    rig.handle(again)
    Janitor(ours._catalog, list, list, grace_s=0, deletions=ours).handle(gone(rig, again))
    ours.delete(upload_of(again).video_id)
    assert len(set(ids(sent))) == len(sent) == 2


def test_a_deletion_that_the_bus_did_not_take_is_told_by_the_janitor(rig: Rig):
    def down(_: object) -> None:
        raise DependencyFailed("event_refused", "The bus is down.")

    body = rig.put()
    rig.handle(body)
    assert deletions(rig, down).delete(upload_of(body).video_id).files == 2
    assert deletions(rig, down).purge_due() == 1  # and once more
    sent: list[list[dict[str, Any]]] = []
    later = deletions(rig, sent.append)
    later.purge_due()
    later.purge_due()
    assert len(ids(sent)) == 1


@pytest.mark.parametrize("where", ["after its mark", "before its event"])
def test_a_deletion_that_was_interrupted_is_completed(rig: Rig, where: str):
    body = rig.put()
    rig.handle(body)
    rig.catalog.removal.mark(rig.video(body), lease_s=-1)
    if where == "before its event":
        assert rig.catalog.removal.begin_telling(upload_of(body))
    sent: list[list[dict[str, Any]]] = []
    deletions(rig, sent.append).purge_due()
    assert (len(ids(sent)), rig.stored()) == (1, [])


# -- undo ----------------------------------------------------------------------------------------


def restored(rig: Rig, body: str) -> str:
    """Make S3's event of the restored file."""
    upload: Upload = upload_of(body)
    head = aws.client("s3").head_object(Bucket=upload.bucket, Key=upload.key)
    rig.uploaded += 1
    return aws_events.created(
        upload.key,
        bucket=upload.bucket,
        sequencer=f"{rig.uploaded:018X}",
        etag=head["ETag"].strip('"'),
        size=head["ContentLength"],
        event_id=f"event-{rig.uploaded}",
        version_id=head["VersionId"],
        reason="CopyObject",
    )


def test_a_deletion_is_undone_while_the_bucket_keeps_the_file(versioned: Rig):
    body = versioned.put(**{"videodrop-toy-text": "mine"})
    versioned.handle(body)
    versioned.handle(versioned.put(b"1\n", key="videos/a.de.srt"))
    attempt = versioned.state(body).attempt
    done = delete(versioned, body)
    late = gone(versioned, body)
    assert (done.restorable_until - done.deleted_at).days == 30
    deletions(versioned).restore(upload_of(body).video_id)
    assert uploads(versioned) == ["videos/a.de.srt", "videos/a.mp4"]
    again = restored(versioned, body)
    assert versioned.handle(again) == Outcome.SUCCEEDED
    # S3's event of the deletion comes after all, and the second look is due.
    janitor(versioned).handle(late)
    deletions(versioned).purge_due()
    assert versioned.video(again).status == "processing"  # of its other stage
    assert versioned.text(versioned.state(again).current_result) == "mine"
    assert versioned.state(again).attempt > attempt  # the fencing token is never lowered


def test_a_file_that_is_gone_for_good_is_not_restored(rig: Rig):
    body = rig.put()
    rig.handle(body)
    with pytest.raises(Conflict, match="still_there"):
        deletions(rig).restore(upload_of(body).video_id)
    delete(rig, body)
    with pytest.raises(Conflict, match="not_restorable"):
        deletions(rig).restore(upload_of(body).video_id)
