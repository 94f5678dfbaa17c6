"""The page of events, from the event models and the topology."""

import json

from docs.generate import schema, text
from pipeline.core import events
from pipeline.core.range_request import DETAIL_TYPE, SOURCE
from pipeline.core.topology import DEFAULT_PATH, Topology


def page() -> str:
    """Return the page."""
    topology = Topology.read(DEFAULT_PATH)
    lines = text.heading(
        "Events",
        "Events travel through EventBridge. Events of S3 come from the default bus; our own are on "
        "the\ninstallation's bus. Workers send \"Range Requested\" straight to a stage's queue. "
        "Fields that\nare not listed are ignored. The models are in\n"
        "[`pipeline/core/events.py`](../../pipeline/core/events.py), the patterns in\n"
        "[`pipeline/core/topology.json`](../../pipeline/core/topology.json).",
    )
    sources = {
        DETAIL_TYPE: SOURCE,
        topology.reprocess.detail_type: topology.reprocess.source,
        topology.replays.detail_type: topology.replays.source,
    }
    lines += ["## Events in", ""]
    for name, model in events.DETAILS.items():
        found = model.model_json_schema(by_alias=True)
        lines += [
            f"### {name}",
            "",
            f"Source: {text.code(sources.get(name, 'aws.s3'))}. Fields of `detail`:",
            "",
            *text.table(schema.FIELD, schema.fields(found, found.get("$defs", {}))),
        ]
    lines += [
        "## Patterns of uploads",
        "",
        "The stages' rules match these patterns. EventBridge's archive sends `replayed` events.",
        "These go to the replay lanes.",
        "",
    ]
    for name, pattern in topology.uploads.events.items():
        lines += [f"### {name}", "", "```json", json.dumps(pattern, indent=2), "```", ""]
    return text.page(lines)
