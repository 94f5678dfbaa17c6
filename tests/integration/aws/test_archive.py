"""EventBridge's replay, and its events: unordered, repeated, with the replay's name."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers import stage as stage_handler
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws import event_archive as archive
from pipeline.core.errors import BadInput, InvalidArgument, MissingDependency
from pipeline.core.settings import Settings
from tests.fakes.rig import Rig
from tests.integration.runs.test_handlers import Mapping

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def archived(installation: Settings) -> Settings:
    """Make an installation with an archive of its uploads, as Terraform makes it."""
    events, names = aws.client("events"), installation.names
    events.create_archive(
        ArchiveName=names.archive,
        EventSourceArn=events.describe_event_bus()["Arn"],
        EventPattern=json.dumps(names.upload_pattern("created", names.uploads_bucket)),
    )
    return installation


def waiting(config: Settings, stage: str, lane: Any = "live") -> list[dict[str, Any]]:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=config.names.queue(stage, lane))["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_archived_uploads_come_again_by_the_replay_lanes(archived: Settings):
    bucket = archived.names.uploads_bucket
    aws.client("s3").put_object(Bucket=bucket, Key="videos/a.mp4", Body=b"a")
    (first,) = waiting(archived, "detect")
    started = archive.start(archived, NOW - HOUR, NOW + HOUR)
    assert started.name.startswith(archived.name)
    assert (started.since, started.until) == (NOW - HOUR, NOW + HOUR)
    assert started.state == "COMPLETED"
    assert started.name in started.follow
    assert archive.look(started.name) == started
    (again,) = waiting(archived, "detect", "replay")
    assert again["replay-name"] == started.name
    assert again["detail"] == first["detail"]
    assert waiting(archived, "detect") == []


def test_only_the_archives_rules_of_the_chosen_stages_hear_of_it(
    archived: Settings, monkeypatch: pytest.MonkeyPatch
):
    asked: list[dict[str, Any]] = []
    events = aws.client("events")
    start_replay = events.start_replay
    monkeypatch.setattr(events, "start_replay", lambda **r: (asked.append(r), start_replay(**r)))
    archive.start(archived, NOW - HOUR, NOW, ["detect"])
    archive.start(archived, NOW - HOUR, NOW)
    one, all_ = (request["Destination"] for request in asked)
    assert [arn.split("/")[-1] for arn in one["FilterArns"]] == [f"{archived.name}-detect-archive"]
    assert len(all_["FilterArns"]) == len(archived.topology.stages)
    assert one["Arn"] == events.describe_event_bus()["Arn"]
    assert asked[0]["ReplayName"] != asked[1]["ReplayName"]


def test_a_replays_name_fits_also_where_the_installations_is_long():
    assert 40 < len(archive._name("x" * 60)) <= 64


def test_what_is_missing_is_said_and_what_to_do_instead(installation: Settings):
    with pytest.raises(
        MissingDependency, match=r"no EventBridge archive.*terraform.*catalog"
    ) as no:
        archive.start(installation, NOW - HOUR, NOW)
    assert no.value.code == "no_archive"


def test_a_rule_that_is_missing_is_named(archived: Settings):
    rule = archived.names.archive_rule("detect")
    aws.client("events").remove_targets(Rule=rule, Ids=["queue"])
    aws.client("events").delete_rule(Name=rule)
    with pytest.raises(MissingDependency, match=f"no EventBridge rule {rule}"):
        archive.start(archived, NOW - HOUR, NOW)


def test_a_window_that_ends_before_it_begins_and_an_unknown_stage_are_rejected(config: Settings):
    with pytest.raises(BadInput, match="No event is later"):
        archive.start(config, NOW, NOW)
    with pytest.raises(InvalidArgument, match="no paint; choose from transcode"):
        archive.start(config, NOW - HOUR, NOW, ["paint"])


# -- what comes out of an archive ----------------------------------------------------------------


@pytest.fixture
def lane(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Mapping:
    """Return the replay lane of the toy stage; its runs are counted."""
    monkeypatch.setenv("VIDEODROP_STAGE", "toy")
    monkeypatch.setattr(bootstrap, "runner", lambda *_: rig.runner())
    return Mapping(rig.config.names.queue("toy", "replay"), stage_handler.handler)


def replayed(body: str, name: str = "july") -> str:
    return json.dumps(json.loads(body) | {"replay-name": name})


def test_an_upload_that_is_replayed_unchanged_is_not_run_again(rig: Rig, lane: Mapping):
    body = rig.put()
    rig.handle(body)
    before = rig.state(body)
    lane.send(replayed(body), replayed(body), replayed(body, "august"))
    assert lane.deliver() == []
    assert (rig.stage.runs, rig.state(body), lane.left()) == (1, before, 0)


def test_copies_of_a_replayed_upload_whose_result_is_due_run_once(rig: Rig, lane: Mapping):
    body = rig.put()
    rig.handle(body)
    rig.stage.VERSION = "2"
    lane.send(*[replayed(body)] * 3)
    assert lane.deliver() == []
    assert rig.stage.runs == 2
    assert rig.state(body).current_result.version == "2"


def test_a_replayed_upload_that_was_replaced_since_changes_nothing(rig: Rig, lane: Mapping):
    old, new = rig.put(b"old"), rig.put(b"new")
    rig.handle(new)
    lane.send(replayed(new), replayed(old))
    assert lane.deliver() == []
    assert rig.stage.runs == 1
    assert rig.video(new).revision == rig.state(new).result_revision
    assert rig.state(new).state == "succeeded"


@pytest.mark.parametrize("order", [list, reversed])
def test_uploads_that_were_never_seen_are_processed_in_whatever_order_they_come(
    rig: Rig, lane: Mapping, order: Any
):
    old, new, other = rig.put(b"old"), rig.put(b"new"), rig.put(key="videos/b.mp4")
    bodies = [replayed(one) for one in (old, new, other)]
    lane.send(*order(bodies))
    assert lane.deliver() == []
    for body in (new, other):
        assert rig.state(body).state == "succeeded"
    assert rig.video(new).revision == rig.state(new).result_revision
    assert rig.manifest(rig.state(new).current_result)["source"]["size"] == 3


def test_a_failed_upload_that_is_replayed_runs_though_its_event_has_the_same_id(
    rig: Rig, lane: Mapping
):
    run_, rig.stage.run_ = rig.stage.run_, lambda *_: 1 / 0
    body = rig.put()
    rig.handle(body)
    assert rig.state(body).state == "failed"
    rig.stage.run_ = run_
    lane.send(replayed(body))
    assert lane.deliver() == []
    assert rig.state(body).state == "succeeded"
