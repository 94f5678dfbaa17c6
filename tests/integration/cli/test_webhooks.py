"""Webhooks and events on the command line."""

import itertools

import pytest

from pipeline.aws import clients as aws
from pipeline.aws.catalog.event_log import EventLog
from pipeline.core import outgoing
from tests.fakes.query import done, upload


@pytest.fixture
def queue(stored):
    return aws.client("sqs").create_queue(QueueName=stored.names.queue("events", "webhooks"))


@pytest.mark.usefixtures("queue")
def test_a_webhook_is_added_tested_looked_at_and_removed(cli):
    url = "https://example.com/[b]hook"
    added = cli("webhooks", "add", url, "--event", "video.ready")
    assert added.code == 0
    webhook = added.out.strip()
    assert "whsec_" in added.err
    assert "whsec_" not in cli("webhooks", "ls", "--json").out
    assert url in cli("webhooks", "ls").out
    (delivery,) = cli("webhooks", "test", webhook, "--json").json["deliveries"]
    assert (delivery["type"], delivery["state"]) == ("video.ready", "pending")
    listed = cli("webhooks", "deliveries", webhook, "--json").json["deliveries"]
    assert [one["delivery_id"] for one in listed] == [delivery["delivery_id"]]
    assert cli("webhooks", "redeliver", webhook, delivery["delivery_id"]).code == 0
    assert "pending" in cli("webhooks", "deliveries", webhook).out
    assert "whsec_" in cli("webhooks", "rotate", webhook).err
    assert cli("webhooks", "enable", webhook).code == 0
    assert cli("webhooks", "rm", webhook).code == 0
    assert cli("webhooks", "ls", "--json").json == {"webhooks": []}
    assert cli("webhooks", "rm", webhook).code == 3


@pytest.mark.usefixtures("stored")
def test_a_mistake_says_what_to_do(cli):
    wrong = cli("webhooks", "add", "http://127.0.0.1/", "--json")
    assert (wrong.code, wrong.error["code"]) == (2, "bad_webhook_url")
    wrong = cli("webhooks", "add", "https://example.com", "--event", "video.read", "--json")
    assert (wrong.code, wrong.error["code"]) == (2, "bad_option")
    assert "video.ready" in wrong.error["message"]
    wrong = cli("webhooks", "test", "wh_none", "--json")
    assert (wrong.code, wrong.error["code"]) == (3, "unknown_webhook")


def test_events_are_shown_as_they_come_and_ctrl_c_says_how_to_continue(cli, seed, monkeypatch):
    source = upload()
    log = seed.catalog.events
    log.append(outgoing.video_uploaded(source))
    ended = outgoing.stage_ended(source.video_id, done(source, "toy"))
    last = log.append(ended)
    follow = EventLog.follow

    def some(self, after):
        yield from itertools.islice(follow(self, after), 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(EventLog, "follow", some)
    shown = cli("events", "--after", 0)
    assert shown.code == 130
    first, second = shown.out.splitlines()
    assert f"video.uploaded {source.video_id} {source.name}" in first
    assert f"stage.succeeded {source.video_id} toy" in second
    assert f"videodrop events --after {last}" in shown.err
    assert ended.id in cli("events", "--after", 0, "--json").out
