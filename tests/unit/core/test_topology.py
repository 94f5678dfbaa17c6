import json
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from pipeline.core.settings import Settings
from pipeline.core.topology import DEFAULT_PATH, Lane, Names, Topology


def test_upload_patterns_name_the_bucket():
    pattern = Names("x", Topology.read()).upload_pattern("created", "my-bucket")
    assert pattern["detail"]["bucket"]["name"] == ["my-bucket"]
    assert pattern["detail-type"] == ["Object Created"]


def test_an_upload_is_fresh_or_replayed_from_an_archive():
    names = Names("x", Topology.read())
    fresh, replayed = (names.upload_pattern(event, "b") for event in ("created", "replayed"))
    assert (fresh.pop("replay-name"), replayed.pop("replay-name")) == (
        [{"exists": False}],
        [{"exists": True}],
    )
    assert fresh == replayed


def test_event_bridges_own_dollar_names_stay_in_a_pattern(tmp_path: Path):
    topology = json.loads(DEFAULT_PATH.read_bytes())
    key = {"$or": [{"key": [{"suffix": ".mp4"}]}, {"key": [{"suffix": ".mov"}]}]}
    topology["uploads"]["events"]["created"]["detail"]["object"] = key
    path = tmp_path / "topology.json"
    path.write_text(json.dumps(topology))
    pattern = Names("x", Topology.read(path)).upload_pattern("created", "b")
    assert pattern["detail"]["object"] == key
    assert pattern["detail"]["bucket"]["name"] == ["b"]


def test_a_stage_receives_only_its_own_reprocess_requests():
    topology = Topology.read()
    pattern = Names("x", topology).reprocess_pattern("detect")
    assert pattern["detail"] == {"stage": ["detect"]}
    assert pattern["source"] == [topology.reprocess.source]


def test_lanes_have_a_queue_each():
    names = Names("x", Topology.read())
    queues = [names.queue("s", lane) for lane in get_args(Lane)]
    assert queues == ["x-s", "x-s-replay", "x-s-webhooks", "x-s-dlq"]


@pytest.mark.parametrize("where", [(), ("queues",), ("stages", "detect"), ("table",)])
def test_an_unknown_field_is_rejected(where: tuple[str, ...], tmp_path: Path):
    topology = json.loads(DEFAULT_PATH.read_bytes())
    inner = topology
    for name in where:
        inner = inner[name]
    inner["timeout_seconds"] = 1
    path = tmp_path / "topology.json"
    path.write_text(json.dumps(topology))
    with pytest.raises(ValidationError, match="timeout_seconds"):
        Topology.read(path)


def test_a_message_is_received_more_often_than_a_run_is_tried():
    # Else a run would lose its message before its last try, without a recorded failure.
    assert Topology.read().queues.max_receive_count > Settings().max_attempts
