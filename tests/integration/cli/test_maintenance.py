"""redrive and prune."""

import json
import sys

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core.media_info import Probe
from pipeline.runs.delivery import Delivery
from tests.fakes import aws_events


@pytest.fixture
def dead(toys):
    """A sender of messages to the dead-letter queue of the toy stage."""

    def send(*bodies):
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName=toys.names.queue("toy", "dlq"))["QueueUrl"]
        for body in bodies:
            sqs.send_message(QueueUrl=url, MessageBody=body)

    return send


def test_dead_messages_are_counted_then_sent_back(cli, dead):
    empty = cli("redrive")
    assert (empty.code, empty.out) == (0, "")
    assert "No message is dead-lettered" in empty.err
    dead("poison", aws_events.created(), aws_events.created())
    counted = cli("redrive", "--dry-run")
    assert "would be sent" in counted.out
    assert "--class bad_event sends them, too" in counted.err
    rows = [
        {"function": "toy", "class": "bad_event", "found": 1, "chosen": 0, "sent": 0},
        {"function": "toy", "class": "unknown", "found": 2, "chosen": 2, "sent": 2},
    ]
    sent = cli("redrive", "--json")
    assert sorted(sent.json["rows"], key=lambda row: row["class"]) == rows
    assert (sent.json["dry_run"], sent.json["hidden"], sent.err) == (False, 0, "")
    forced = cli("redrive", "--class", "bad_event", "--stage", "toy")
    assert forced.out.split()[-4:] == ["toy", "bad_event", "1", "1"]


def test_what_is_hidden_from_a_redrive_is_told_of(cli, dead, toys, monkeypatch):
    monkeypatch.setattr("pipeline.aws.dead_letters._PATIENCE_S", 0)
    dead("poison")
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=toys.names.queue("toy", "dlq"))["QueueUrl"]
    sqs.receive_message(QueueUrl=url)
    assert "Hidden by another receiver: 1 more" in cli("redrive").err


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("option", "value", "code", "says"),
    [
        ("--class", "odd", "bad_option", "no class odd, but bad_input"),
        ("--stage", "paint", "unknown_stage", "no paint; choose from toy, janitor, replays"),
    ],
)
def test_what_there_is_none_of_is_rejected(cli, option, value, code, says):
    ended = cli("redrive", option, value, "--json")
    assert (ended.code, ended.error["code"]) == (2, code)
    assert says in ended.error["message"]


@pytest.fixture
def results(toys, monkeypatch):
    """Make a video with two results of the toy stage; return a counter of its files."""
    probe = Probe(container="mov", duration_s=1, size_bytes=7)
    monkeypatch.setattr("pipeline.runs.execute.probe", lambda *_: probe)
    s3, names = aws.client("s3"), toys.names
    put = s3.put_object(Bucket=names.uploads_bucket, Key="videos/a.mp4", Body=b"a video")
    body = aws_events.created(bucket=names.uploads_bucket, etag=put["ETag"].strip('"'), size=7)
    for version in "12":
        monkeypatch.setattr("tests.fakes.toystage.VERSION", version)
        event = json.dumps(json.loads(body) | {"replay-name": version})
        bootstrap.runner("toy", toys).handle(event, Delivery(60))

    def files():
        return s3.list_objects_v2(Bucket=names.artifacts_bucket)["KeyCount"]

    assert files() == 4
    return files


NOW = ("--older-than", "0m")


def test_old_results_are_shown_then_removed(cli, results):
    assert "Nothing to remove" in cli("prune", "--dry-run").err
    shown = cli("prune", "--keep", "0", *NOW, "--dry-run", "--yes")
    assert shown.out.split()[-6:-2] == ["toy", "1", "0", "2"]
    assert "Nothing was removed" in shown.err
    assert results() == 4
    planned = cli("prune", "--keep", "0", *NOW, "--dry-run", "--json").json
    done = cli("prune", "--keep", "0", *NOW, "--yes", "--json").json
    assert done["stages"] == planned["stages"]
    assert done["stages"]["toy"].items() >= {"results": 1, "leftovers": 0, "files": 2}.items()
    assert (planned["dry_run"], done["dry_run"], results()) == (True, False, 2)


def test_results_go_only_when_somebody_agreed(cli, results, monkeypatch):
    for how in ([], ["--json"]):
        rejected = cli("prune", "--keep", "0", *NOW, *how)
        assert rejected.code == 2
        assert "--yes" in rejected.err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    answers = iter([False, True])
    monkeypatch.setattr("typer.confirm", lambda *_, **__: next(answers))
    rejected = cli("prune", "--keep", "0", *NOW)
    assert (rejected.code, "Nothing was removed" in rejected.err) == (1, True)
    assert results() == 4
    agreed = cli("prune", "--keep", "0", *NOW)
    assert (agreed.code, "Removed." in agreed.err) == (0, True)
    assert results() == 2
