import json

import pytest

from pipeline.core import events
from pipeline.core.errors import BadInput
from pipeline.core.events import Deletion, Reprocess, Upload, parse
from tests.fakes import aws_events


def upload(**fields) -> Upload:
    event = parse(aws_events.created(**fields))
    assert isinstance(event, Upload)
    return event


def deletion(**fields) -> Deletion:
    event = parse(aws_events.deleted(**fields))
    assert isinstance(event, Deletion)
    return event


@pytest.mark.parametrize("reason", ["PutObject", "CompleteMultipartUpload", "CopyObject"])
def test_every_way_to_create_an_object_is_an_upload(reason: str):
    event = upload(reason=reason, etag="3858f62230ac3c915f300c664312c11f-2", size=9_000_000)
    assert (event.bucket, event.key, event.size) == ("uploads", "videos/a.mp4", 9_000_000)
    assert event.etag == "3858f62230ac3c915f300c664312c11f-2"
    assert event.event_id == "17793124-05d4-b198-2fde-7ededc63b103"
    assert event.time.isoformat() == "2021-11-12T00:00:00+00:00"
    assert event.version_id is None


@pytest.mark.parametrize(
    "key",
    ["videos/a+b.mp4", "videos/100%.mp4", "videos/%20 +.mp4", "videos/два слова.mp4", "videos/é😀"],
)
def test_keys_are_raw_and_never_decoded(key: str):
    assert upload(key=key).key == key
    assert deletion(key=key).key == key


def test_the_name_is_the_last_part_of_the_key():
    assert upload(key="videos/2024/my film.mp4").name == "my film.mp4"


def test_motos_spelling_of_etag_and_quotes_around_it_are_accepted():
    body = aws_events.created().replace('"etag": "', '"eTag": "\\"').replace('11184"', '11184\\""')
    event = parse(body)
    assert isinstance(event, Upload)
    assert event.etag == "b1946ac92492d2347c6235b4d2611184"


def test_fields_of_a_later_version_change_nothing():
    body = json.loads(aws_events.created(zone="eu"))
    body["detail"]["object"]["checksum"] = {"crc32": "x"}
    assert parse(json.dumps(body)) == upload()


def test_a_replayed_event_is_not_the_event_it_repeats():
    replayed = upload(**{"replay-name": "monday"})
    assert replayed.event_id != upload().event_id
    assert replayed.event_id == upload(**{"replay-name": "monday"}).event_id
    assert replayed.revision == upload().revision


REPLAYED = aws_events.created().replace('"version"', '"replay-name": "monday", "version"', 1)


@pytest.mark.parametrize(
    ("body", "lane"),
    [
        (aws_events.created(), "live"),
        (aws_events.deleted(), "live"),
        (REPLAYED, "replay"),
        (aws_events.reprocess("0" * 20, "toy"), "replay"),
    ],
)
def test_an_event_names_its_lane(body: str, lane: str):
    assert events.lane(parse(body)) == lane


def test_a_run_names_its_lane_by_the_event_that_it_is_recorded_under():
    assert events.lane(events.replay_event_id("r1")) == "replay"
    assert events.lane(parse(REPLAYED).event_id) == "replay"
    assert events.lane(upload().event_id) == events.lane(None) == "live"


def test_only_a_request_asks_for_a_shadow_run():
    assert not upload().shadow
    assert not deletion().shadow
    assert not parse(aws_events.reprocess("0" * 20, "toy")).shadow
    assert "shadow" not in upload().model_dump()


def test_bytes_are_read_like_text():
    assert parse(aws_events.created().encode()) == upload()


# -- identity and order --------------------------------------------------------------------------


def test_a_video_id_never_changes():
    # All links and all stored artifacts depend on this value.
    assert events.video_id("uploads", "videos/a.mp4") == "687035c151e4bd5f025a"
    assert upload().video_id == "687035c151e4bd5f025a"


def test_a_video_id_belongs_to_one_bucket_and_key():
    ids = {
        events.video_id(*pair)
        for pair in [("a", "b/c"), ("a/b", "c"), ("a", "b"), ("ab", "/c"), ("b", "b/c")]
    }
    assert len(ids) == 5


def test_sequencers_of_different_length_are_ordered_as_s3_documents():
    short, longer, later = (upload(sequencer=s).sequencer for s in ("0A", "0A1", "0B"))
    assert short < longer < later
    assert upload(sequencer="0A").sequencer == upload(sequencer="0A0").sequencer
    assert short < deletion(sequencer="0A01").sequencer < longer


def test_each_upload_to_a_key_is_a_revision_of_its_own():
    first = upload(sequencer="0A")
    assert first.revision != upload(sequencer="0B").revision
    assert first.revision == upload(sequencer="0A", event_id="delivered-again").revision
    assert first.video_id == upload(sequencer="0B").video_id


def test_a_version_names_the_revision_where_there_are_versions():
    first = upload(version_id="v1", sequencer="0A")
    assert first.version_id == "v1"
    assert first.revision == upload(version_id="v1", sequencer="0B").revision
    assert first.revision != upload(version_id="v2", sequencer="0A").revision


def test_the_null_version_of_a_suspended_bucket_is_not_a_version():
    first = upload(version_id="null", sequencer="0A")
    assert first.version_id is None
    assert first.revision != upload(version_id="null", sequencer="0B").revision


def test_the_content_id_differs_by_content():
    same = upload(sequencer="0B").content_id
    assert upload().content_id == same
    assert upload(etag="other").content_id != same
    assert upload(size=7).content_id != same


# -- the other kinds -----------------------------------------------------------------------------


def test_a_delete_marker_deletes_the_key():
    event = deletion(version_id="marker-1", deletion_type="Delete Marker Created")
    assert event.version_id is None
    assert event.video_id == upload().video_id


def test_a_permanent_deletion_names_the_deleted_version():
    assert deletion(version_id="v1").version_id == "v1"
    assert deletion().version_id is None


def test_a_reprocess_request_is_the_same_after_a_round_trip():
    asked = parse(aws_events.reprocess("v" * 20, "detect", {"confidence": 0.4}))
    assert isinstance(asked, Reprocess)
    assert (asked.stage, asked.params) == ("detect", {"confidence": 0.4})
    entry = events.reprocess_entry(asked, source="s", detail_type="Reprocess Requested", bus="b")
    assert (entry["Source"], entry["EventBusName"]) == ("s", "b")
    body = {"id": "1", "time": "2024-01-01T00:00:00Z", "detail-type": entry["DetailType"]}
    again = parse(json.dumps(body | {"detail": json.loads(entry["Detail"])}))
    assert isinstance(again, Reprocess)
    assert again.model_dump(exclude={"event_id", "time"}) == asked.model_dump(
        exclude={"event_id", "time"}
    )


# -- rejected events -----------------------------------------------------------------------------


def _without(*path: str, body: str = "") -> str:
    event = json.loads(body or aws_events.created())
    inner = event
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return json.dumps(event)


def test_events_of_a_store_without_sequencers_are_in_the_order_of_their_times():
    first, second, gone = (
        parse(_without("detail", "object", "sequencer", body=body))
        for body in (
            aws_events.created(time="2026-11-01T12:00:00.001Z", etag="f" * 32),
            aws_events.created(time="2026-11-01T12:00:00.002Z", etag="0" * 32),
            aws_events.deleted(time="2026-11-01T12:00:01Z"),
        )
    )
    assert first.sequencer < second.sequencer < gone.sequencer
    assert first.revision != second.revision


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("", "body"),
        ("no JSON", "body"),
        ("[]", "body"),
        ("{}", "id"),
        (aws_events.created().replace("Object Created", "Object Restore Completed"), "detail-type"),
        (_without("time"), "time"),
        (_without("detail", "bucket"), "bucket"),
        (_without("detail", "object", "key"), "object.key"),
        (_without("detail", "object", "etag"), "object.etag"),
        (_without("detail", "object", "size"), "object.size"),
        (aws_events.created(sequencer=""), "object.sequencer"),
        (aws_events.created(etag=""), "object.etag"),  # any empty one would be the same bytes
        (_without("detail", "stage", body=aws_events.reprocess("v", "s")), "stage"),
        (aws_events.created(key="videos/\ud800.mp4"), "body"),
    ],
)
def test_an_invalid_event_is_rejected_with_the_reason(body: str, names: str):
    with pytest.raises(BadInput, match=names) as rejected:
        parse(body)
    assert rejected.value.code == "bad_event"
