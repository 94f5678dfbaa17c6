"""The page of events, from the event models and the topology."""

import json

from docs.generate import schema, text
from pipeline.api.event_stream import Progress
from pipeline.core import events, outgoing
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
    lines += _out()
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


def _out() -> list[str]:
    """Return the section of the events that this project sends."""
    lines = [
        "## Events out",
        "",
        "The installation's bus gets each as an event of the source `videodrop`; a webhook and",
        "`GET /events` get `type`, `timestamp` and, as `data`, the same `detail`. Each may come",
        "more than once: a copy has the same `id`. The models are in",
        "[`pipeline/core/outgoing.py`](../../pipeline/core/outgoing.py).",
        "[Follow events](../how-to/events.md) tells how to use them.",
        "",
    ]
    rows = [
        [text.code(kind), text.code(name), _WHEN[kind]]
        for kind, name in outgoing.DETAIL_TYPES.items()
    ]
    lines += text.table(["`type`", "`detail-type`", "Sent"], rows)
    for title, model in (
        ("Fields of a stage's events", outgoing.StageDetail),
        ("Fields of a video's events", outgoing.VideoDetail),
        ("Fields of `progress`, in `GET /events` only", Progress),
    ):
        found = model.model_json_schema()
        rows = list(schema.fields(found, found["$defs"]))
        lines += [f"### {title}", "", *text.table(schema.FIELD, rows)]
    for name in ("StageNote", "Failure"):
        model = getattr(outgoing, name)
        rows = list(schema.fields(model.model_json_schema(), {}))
        lines += [f"### {name}", "", *text.table(schema.FIELD, rows)]
    return lines


_WHEN: dict[outgoing.EventType, str] = {
    "stage.succeeded": "a result of a stage became current: computed, taken over, promoted",
    "stage.skipped": "the stage has nothing to do: its uploader excluded it, or a track is missing",
    "stage.failed": "a run failed for good; an earlier result stays current",
    "video.uploaded": "an upload arrived",
    "video.ready": "all stages have ended, and there is a result: also after each later run",
    "video.failed": "all stages have ended, without any result",
    "video.deleted": "the upload was deleted",
}
