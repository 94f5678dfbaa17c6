"""The OpenAPI description: FastAPI's, completed for people who generate clients from it.

Every operation gets its problems from the component ``Problem``, and an example of its answer that
is composed of the examples of the fields.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from pipeline.api import examples
from pipeline.api.problems import ProblemDetails
from pipeline.core.problem import MEDIA_TYPE, details

Schema = dict[str, Any]

TAGS = [
    {"name": "videos", "description": "Uploaded videos, their state and their files"},
    {"name": "uploads", "description": "Uploads in parts, which may be resumed"},
    {"name": "search", "description": "Moments in which words are said or objects are in view"},
    {"name": "transcript", "description": "What is said, and captions"},
    {"name": "detections", "description": "Objects in view, by frame and by object"},
    {"name": "playback", "description": "Playlists, storyboards, subtitles and chapters"},
    {"name": "versions", "description": "Stored results of a video: compare, promote, roll back"},
    {"name": "replays", "description": "Old videos processed again"},
    {"name": "jobs", "description": "What runs, waits and failed, and queues that are held"},
    {"name": "events", "description": "What happens to videos and stages, as it happens"},
    {"name": "webhooks", "description": "Addresses that events are posted to"},
    {"name": "service", "description": "This installation: its health and its stages"},
]
"""The tags of operations, in the order in which documentation shows them."""

SERVERS = [
    {"url": "/", "description": "The server of this document"},
    {"url": "http://127.0.0.1:8080", "description": "`videodrop up` on this machine"},
]
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token, where the installation requires one",
}
# A problem as an example of each status.
_PROBLEMS = {
    400: ("unknown_parameter", "This address does not have the query parameter labels."),
    403: ("foreign_origin", "A page of another site may not change anything here."),
    404: ("unknown_video", "There is no video 5c1e6f0a9b3d27481f60. /videos lists all."),
    409: ("not_ready", "holiday.mp4 does not have a transcript yet: transcribe is running (40 %)."),
    410: ("video_deleted", "holiday.mp4 was deleted."),
    422: ("invalid_request", "limit: should be less than or equal to 100."),
    503: ("service_unavailabels", "The catalog or the file store could not be reached."),
}


def operation_id(route: APIRoute) -> str:
    """Return the name of a route's function as the id of its operation."""
    return route.name


def complete(app: FastAPI) -> None:
    """Complete the description that ``app`` makes of itself."""
    derived = app.openapi

    def described() -> Schema:
        document = derived()
        if "Problem" not in document["components"]["schemas"]:
            _complete(document)
        return document

    app.openapi = described  # type: ignore[method-assign] # as FastAPI's documentation has it


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Yield method, path and operation of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _complete(document: Schema) -> None:
    components = document["components"]
    components["schemas"]["Problem"] = ProblemDetails.model_json_schema() | {"title": "Problem"}
    components["securitySchemes"] = {"bearer": _BEARER}
    document["security"] = [{}, {"bearer": []}]
    for _, _, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if not content.keys() & {"example", "examples"}:
                content["example"] = examples.compose(content["schema"], components["schemas"])
        answers = operation["responses"]
        answers.setdefault("400", {"description": HTTPStatus(400).phrase})
        operation["responses"] = dict(sorted(answers.items()))
        for status, answer in answers.items():
            if not status.startswith("2"):
                answer["content"] = {MEDIA_TYPE: _problem(int(status))}
                continue
            if "content" in answer:
                # Generators of clients take the first one that they know.
                ranked = sorted(answer["content"].items(), key=lambda one: "json" not in one[0])
                answer["content"] = dict(ranked)
            for media_type, content in answer.get("content", {}).items():
                if "json" not in media_type:
                    content.setdefault("schema", {"type": "string"})
                elif "schema" in content:
                    composed = examples.compose(content["schema"], components["schemas"])
                    content.setdefault("example", composed)


def _problem(status: int) -> Schema:
    code, detail = _PROBLEMS.get(status, ("http_error", HTTPStatus(status).phrase))
    example = details(status, code, detail) | {"instance": "/videos/5c1e6f0a9b3d27481f60"}
    return {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
