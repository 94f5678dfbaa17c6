"""Videos, deletions, labels and listings, in two implementations of DynamoDB."""

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.dynamodb.conditions import ConditionExpressionBuilder

from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.keys import Keys
from pipeline.aws.catalog.labels import Labels
from pipeline.core.errors import BadInput, LeaseLost, Superseded
from pipeline.core.events import Deletion, Upload, parse
from pipeline.core.media_info import AudioStream, Probe
from pipeline.core.records import Cost, PublishedArtifact, StageResult, StageRun, Video
from pipeline.core.stage import Notice
from tests.fakes import aws_events
from tests.fakes.claims import claim_run
from tests.fakes.rig import upload_of


def record(catalog: Catalog, **fields: Any) -> Upload:
    upload = upload_of(aws_events.created(**fields))
    catalog.record_upload(upload, patience_s=3600)
    return upload


def deletion(**fields: Any) -> Deletion:
    event = parse(aws_events.deleted(**fields))
    assert isinstance(event, Deletion)
    return event


def video(catalog: Catalog, upload: Upload) -> Video:
    found = catalog.video(upload.video_id)
    assert found is not None
    return found


def finish(
    catalog: Catalog, upload: Upload, *labels: str, stage: str = "toy", fingerprint: str = "f"
) -> StageRun:
    """Let ``stage`` succeed with ``labels``."""
    run = claim_run(catalog.runs, upload, stage, event_id="e", lease_s=60)
    catalog.succeed(upload.video_id, run, result(run, *labels, fingerprint=fingerprint))
    return run


def result(run: StageRun, *labels: str, fingerprint: str) -> StageResult:
    return StageResult(
        stage=run.stage,
        version="1",
        fingerprint=fingerprint,
        content_id="content",
        revision=run.revision,
        attempt=run.attempt,
        prefix="artifacts/",
        params={},
        identity={},
        artifacts=[],
        summary={},
        warnings=[],
        labels=list(labels),
        cost=Cost(seconds=1, media_seconds=10, cpu_seconds=1, bytes_in=1, bytes_out=1),
        queued_at=None,
        started_at=datetime(2024, 1, 1, tzinfo=UTC),
        finished_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


def labelled(catalog: Catalog, label: str) -> list[str]:
    return [place.split("#")[1] for place in catalog.timeline.newest(label=label)]


def listed(catalog: Catalog) -> list[str]:
    return [place.split("#")[1] for place in catalog.timeline.newest()]


# -- uploads -------------------------------------------------------------------------------------


def test_a_new_video_has_every_stage_pending(catalog: Catalog):
    upload = record(catalog, key="videos/a+b 100%.mp4")
    found = video(catalog, upload)
    assert found.upload == upload
    assert {name: run.state for name, run in found.stages.items()} == {
        "toy": "pending",
        "twin": "pending",
    }
    assert found.status == "processing"
    assert catalog.video("0" * 20) is None


def test_recording_the_same_upload_again_changes_nothing(catalog: Catalog):
    upload = record(catalog)
    finish(catalog, upload)
    before = video(catalog, upload)
    record(catalog)
    assert video(catalog, upload) == before
    assert listed(catalog) == [upload.video_id]


def test_who_crashed_while_recording_is_made_good_by_the_next_delivery(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    finish(catalog, record(catalog, sequencer="0A"), stage="twin")
    monkeypatch.setattr(catalog.runs, "queue", crash)
    with pytest.raises(KeyboardInterrupt):
        record(catalog, sequencer="0B")
    monkeypatch.undo()
    upload = record(catalog, sequencer="0B")
    run = catalog.runs.get(upload.video_id, "twin")
    assert run is not None
    assert (run.state, run.revision) == ("pending", upload.revision)
    assert listed(catalog) == [upload.video_id]


def test_a_stage_added_later_does_not_reopen_the_videos_there_are(catalog: Catalog):
    before = Catalog(catalog._table, ["toy"])
    upload = record(before)
    finish(before, upload)
    found = video(catalog, upload)
    assert found.stages["twin"].state == "skipped"
    assert found.status == "ready"
    finish(catalog, upload, stage="twin")  # a request runs it all the same
    assert video(catalog, upload).stages["twin"].state == "succeeded"
    again = record(catalog, sequencer="FF")
    assert video(catalog, again).stages["twin"].state == "pending"


def test_the_probe_is_kept_for_the_upload_it_is_of(catalog: Catalog):
    first = record(catalog, sequencer="0A")
    probe = Probe(container="mov", duration_s=1.5, size_bytes=6)
    catalog.record_probe(first, probe, {})
    assert video(catalog, first).probe == probe
    second = record(catalog, sequencer="0B")
    assert video(catalog, second).probe is None
    catalog.record_probe(first, probe, {})
    assert video(catalog, second).probe is None


def test_several_videos_come_in_the_order_asked_for(catalog: Catalog):
    uploads = [record(catalog, key=f"videos/{n}.mp4") for n in range(4)]
    ids = [upload.video_id for upload in reversed(uploads)]
    unknown = [
        f"{n:020x}" for n in range(40)
    ]  # three keys each: the last ids need a second request
    asked = [ids[0], *ids[:2], *unknown, *ids[2:]]
    assert [v.video_id for v in catalog.videos(asked)] == [ids[0], *ids]


# -- deletions -----------------------------------------------------------------------------------


def test_a_deletion_tombstones_the_video_and_takes_it_off_the_lists(catalog: Catalog):
    upload = record(catalog, sequencer="0A")
    finish(catalog, upload, "cat")
    catalog.record_deletion(deletion(sequencer="0B"))
    found = video(catalog, upload)
    assert found.status == "deleted"
    assert found.deleted_at == datetime(2021, 11, 12, 0, 1, tzinfo=UTC)
    assert (listed(catalog), labelled(catalog, "cat")) == ([], [])


def test_an_upload_that_comes_after_its_deletion_is_superseded(catalog: Catalog):
    upload = record(catalog, sequencer="0A")
    catalog.record_deletion(deletion(sequencer="0B"))
    with pytest.raises(Superseded):
        record(catalog, sequencer="0A")
    assert video(catalog, upload).status == "deleted"


def test_a_deletion_that_overtakes_its_upload_is_remembered(catalog: Catalog):
    catalog.record_deletion(deletion(sequencer="0B"))
    vid = deletion().video_id
    assert catalog.video(vid) is None
    with pytest.raises(Superseded):
        record(catalog, sequencer="0A")
    assert catalog.video(vid) is None
    assert listed(catalog) == []
    assert video(catalog, record(catalog, sequencer="0C")).status == "processing"


def test_a_deletion_that_comes_late_does_not_harm_the_next_upload(catalog: Catalog):
    upload = record(catalog, sequencer="0C")
    catalog.record_deletion(deletion(sequencer="0B"))
    assert video(catalog, upload).status == "processing"
    assert listed(catalog) == [upload.video_id]


def test_an_upload_after_a_deletion_begins_again(catalog: Catalog):
    first = record(catalog, sequencer="0A")
    run = finish(catalog, first, "cat")
    catalog.record_deletion(deletion(sequencer="0B"))
    second = record(catalog, sequencer="0C", time="2021-11-12T00:02:00Z")
    found = video(catalog, second)
    assert found.deleted_at is None
    assert {r.state for r in found.stages.values()} == {"pending"}
    assert not any(r.current_result for r in found.stages.values())
    assert listed(catalog) == [second.video_id]
    assert finish(catalog, second).attempt == run.attempt + 1


def test_the_end_of_an_old_version_is_not_the_end_of_the_video(catalog: Catalog):
    record(catalog, sequencer="0A", version_id="v1")
    upload = record(catalog, sequencer="0B", version_id="v2")
    catalog.record_deletion(deletion(sequencer="0C", version_id="v1"))
    assert video(catalog, upload).status == "processing"
    catalog.record_deletion(deletion(sequencer="0D", version_id="v2"))
    assert video(catalog, upload).status == "deleted"


@pytest.mark.parametrize("version_id", ["v1", "v2"])
def test_the_expiry_of_a_version_is_no_second_deletion(catalog: Catalog, version_id: str):
    record(catalog, sequencer="0A", version_id="v1")
    upload = record(catalog, sequencer="0B", version_id="v2")
    assert catalog.record_deletion(deletion(sequencer="0C", deletion_type="Delete Marker Created"))
    before = video(catalog, upload).deleted_at
    expired = deletion(sequencer="0D", version_id=version_id, time="2021-12-12T00:00:00Z")
    assert catalog.record_deletion(expired) is None
    assert video(catalog, upload).deleted_at == before


def test_a_deletion_that_is_delivered_again_is_told_again(catalog: Catalog):
    upload = record(catalog, version_id="v1")
    gone = deletion(sequencer="0C", version_id="v1")
    assert catalog.record_deletion(gone) == catalog.record_deletion(gone) == upload


def test_the_end_of_a_version_does_not_reorder_uploads(catalog: Catalog):
    record(catalog, sequencer="0A", version_id="v1")
    catalog.record_deletion(deletion(sequencer="0C", version_id="v1"))
    late = record(catalog, sequencer="0B", version_id="v2")  # its event was slower
    assert video(catalog, late).status == "processing"


def test_a_run_that_ends_after_the_deletion_is_not_found_by_its_labels(catalog: Catalog):
    upload = record(catalog, sequencer="0A")
    run = claim_run(catalog.runs, upload, "toy", event_id="e", lease_s=60)
    catalog.record_deletion(deletion(sequencer="0B"))
    catalog.succeed(upload.video_id, run, result(run, "cat", fingerprint="f"))
    assert labelled(catalog, "cat") == []


# -- labels --------------------------------------------------------------------------------------


def test_a_video_is_found_by_its_labels_in_any_case(catalog: Catalog):
    upload = record(catalog)
    finish(catalog, upload, "Red Ball", "cat", "CAT")
    assert labelled(catalog, "red ball") == labelled(catalog, "CAT") == [upload.video_id]
    assert labelled(catalog, "dog") == labelled(catalog, "ball") == []


def test_a_new_result_replaces_the_labels_of_its_own_stage_only(catalog: Catalog):
    upload = record(catalog)
    finish(catalog, upload, "cat", "dog", fingerprint="old")
    finish(catalog, upload, "cat", "cow", stage="twin", fingerprint="other")
    finish(catalog, upload, "dog", "owl", fingerprint="new")
    for word in ("dog", "owl", "cow", "cat"):
        assert labelled(catalog, word) == [upload.video_id]
    finish(catalog, upload, stage="twin", fingerprint="none")
    assert labelled(catalog, "cat") == labelled(catalog, "cow") == []


def test_two_stages_with_one_label_give_a_video_once(catalog: Catalog):
    upload = record(catalog)
    finish(catalog, upload, "cat")
    finish(catalog, upload, "cat", stage="twin")
    assert labelled(catalog, "cat") == [upload.video_id]


def test_who_was_taken_over_leaves_the_labels_of_the_current_result(catalog: Catalog):
    upload = record(catalog)
    paused = claim_run(catalog.runs, upload, "toy", event_id="e", lease_s=-1)
    finish(catalog, upload, "cat", fingerprint="fresh")
    with pytest.raises(LeaseLost):
        catalog.succeed(upload.video_id, paused, result(paused, "cat", fingerprint="stale"))
    # Readers filter surplus rows; a missing row would hide a video.
    assert labelled(catalog, "cat") == [upload.video_id]


def test_a_worker_that_pauses_after_its_result_leaves_the_labels_of_the_next(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    upload = record(catalog)
    finish(catalog, upload, "cat", fingerprint="first")
    forget = Labels.forget

    def paused(*given: Any, **named: Any) -> None:
        monkeypatch.setattr(Labels, "forget", forget)
        finish(catalog, upload, "owl", fingerprint="third")
        forget(*given, **named)

    monkeypatch.setattr(Labels, "forget", paused)
    finish(catalog, upload, "dog", fingerprint="second")
    assert labelled(catalog, "owl") == [upload.video_id]


def test_a_result_is_not_current_before_it_can_be_found(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    upload = record(catalog)
    monkeypatch.setattr(catalog._labels, "put", crash)
    with pytest.raises(KeyboardInterrupt):
        finish(catalog, upload, "cat")
    assert video(catalog, upload).stages["toy"].current_result is None


def test_labels_are_listed_newest_first_from_a_cursor(catalog: Catalog):
    uploads = [
        record(catalog, key=f"videos/{n}.mp4", time=f"2024-0{n}-01T00:00:00Z") for n in (1, 2, 3)
    ]
    for upload in uploads:
        finish(catalog, upload, "cat")
    places = list(catalog.timeline.newest(label="cat"))
    assert [p.split("#")[1] for p in places] == [u.video_id for u in reversed(uploads)]
    assert list(catalog.timeline.newest(label="cat", before=places[0])) == places[1:]


# -- listing -------------------------------------------------------------------------------------


def test_videos_are_listed_newest_first_across_months_and_pages(catalog: Catalog):
    times = [
        f"{month}-{day}T00:00:00Z"
        for month in ("2023-12", "2024-01", "2024-03")
        for day in ("01", "15", "28")
    ]
    for n, moment in enumerate(times):
        record(catalog, key=f"videos/{n}.mp4", time=moment)
    places = list(catalog.timeline.newest())
    assert [place[:10] for place in places] == [moment[:10] for moment in reversed(times)]
    for position, place in enumerate(places):
        assert list(catalog.timeline.newest(before=place)) == places[position + 1 :]


def test_a_cursor_does_not_look_into_later_months(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    for n in (1, 2, 3):
        record(catalog, key=f"videos/{n}.mp4", time=f"2024-0{n}-01T00:00:00Z")
    cursor = list(catalog.timeline.newest())[1]
    asked = []
    query = catalog._table.query
    monkeypatch.setattr(catalog._table, "query", lambda **k: asked.append(k) or query(**k))
    assert len(list(catalog.timeline.newest(before=cursor))) == 1
    assert len(asked) == 2


def test_the_oldest_are_listed_first_from_a_cursor_and_all_are_counted(catalog: Catalog):
    for n, month in enumerate(("2023-12", "2024-01", "2024-01", "2024-03")):
        upload = record(catalog, key=f"videos/{n}.mp4", time=f"{month}-0{n + 1}T00:00:00Z")
        finish(catalog, upload, *(["cat"] if n else []))
    places = list(catalog.timeline.newest())[::-1]
    assert list(catalog.timeline.oldest()) == places
    assert list(catalog.timeline.oldest(after=places[1])) == places[2:]
    assert list(catalog.timeline.oldest(label="cat", after=places[1])) == places[2:]
    assert catalog.timeline.number(most=10) == 4
    assert catalog.timeline.number(label="cat", most=10) == 3
    assert catalog.timeline.number(most=2) == catalog.timeline.number(label="cat", most=2) == 2


def test_a_video_uploaded_again_moves_to_the_front_and_is_listed_once(catalog: Catalog):
    first = record(catalog, sequencer="0A", time="2024-01-01T00:00:00Z")
    other = record(catalog, key="videos/b.mp4", time="2024-02-01T00:00:00Z")
    record(catalog, sequencer="0B", time="2024-03-01T00:00:00Z")
    assert listed(catalog) == [first.video_id, other.video_id]


def test_a_query_goes_on_where_a_page_ends(catalog: Catalog):
    for n in range(5):
        record(catalog, key=f"videos/{n}.mp4", time=f"2024-01-0{n + 1}T00:00:00Z")
    places = list(catalog.timeline.newest())
    query = catalog._table._table.query
    catalog._table._table.query = lambda **request: query(**request | {"Limit": 2})
    assert list(catalog.timeline.newest()) == places
    assert len(places) == 5


def test_a_brief_video_has_all_that_planning_asks_about_and_not_its_files(catalog: Catalog):
    upload = record(catalog)
    audio = AudioStream(index=1, codec="aac", channels=1, sample_rate=44100)
    probe = Probe(container="mov", duration_s=1.5, size_bytes=6, audio=(audio,))
    catalog.record_probe(upload, probe, {"videodrop-stages": "toy"})
    run = claim_run(catalog.runs, upload, "toy", event_id="e", lease_s=60, fingerprint="f")
    full = result(run, "dog", fingerprint="f").model_copy(
        update={
            "params": {"text": "hello"},
            "identity": {"model": "m"},
            "warnings": [Notice(code="dull", message="It is dull.")],
            "summary": {"words": 3},
            "artifacts": [
                PublishedArtifact(name="a", media_type="b", role="c", bytes=1, sha256="d")
            ],
        }
    )
    catalog.succeed(upload.video_id, run, full)
    failed = claim_run(catalog.runs, upload, "twin", event_id="e2", lease_s=60, fingerprint="g")
    catalog.runs.end(upload.video_id, failed, "failed", BadInput("no", "No."))
    whole = video(catalog, upload)
    [brief] = catalog.videos([upload.video_id, "unknown"], brief=True)
    toy = brief.stages["toy"].result
    assert toy == full.model_copy(update={"summary": {}, "artifacts": []})
    assert brief.status == whole.status == "partial"
    assert brief.probe == probe.model_copy(update={"audio": ()})
    for asked in ("upload", "metadata", "deleted_at", "revision"):
        assert getattr(brief, asked) == getattr(whole, asked)
    for stage in ("toy", "twin"):
        for asked in ("state", "revision", "event_id", "finished_at", "error", "tried"):
            assert getattr(brief.stages[stage], asked) == getattr(whole.stages[stage], asked)


def test_a_key_is_made_once_and_is_the_same_for_all(catalog):
    found = catalog.keys.get("playback")
    assert len(found) == 32
    assert Keys(catalog._table).get("playback") == found
    assert catalog.keys.get("another") != found


def test_of_two_that_make_a_key_at_once_the_second_takes_the_first_ones(catalog, monkeypatch):
    quicker, token_hex = [], secrets.token_hex

    def overtaken(size):
        if not quicker:
            quicker.append(None)
            quicker[0] = catalog.keys.get("playback")
        return token_hex(size)

    monkeypatch.setattr("pipeline.aws.catalog.keys.secrets.token_hex", overtaken)
    assert [catalog.keys.get("playback")] == quicker


def test_threads_share_a_catalog(catalog: Catalog, monkeypatch: pytest.MonkeyPatch):
    """Threads of the API query at once: boto3 mixed up the names in their conditions."""
    record(catalog)
    build = ConditionExpressionBuilder._build_expression

    def slow(self: Any, *args: Any, **options: Any) -> Any:
        time.sleep(0.001)  # as if the thread were interrupted here
        return build(self, *args, **options)

    monkeypatch.setattr(ConditionExpressionBuilder, "_build_expression", slow)
    ready = threading.Barrier(8)

    def look(_: int) -> list[int]:
        ready.wait()
        return [len(list(catalog.timeline.newest(before="9999"))) for _ in range(10)]

    with ThreadPoolExecutor(8) as threads:
        assert all(found == [1] * 10 for found in threads.map(look, range(8)))
